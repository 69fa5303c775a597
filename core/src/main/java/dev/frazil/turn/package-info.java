/** TURN: traversal using relays around NAT, the client and the server (RFC 8656). */
@NullMarked
package dev.frazil.turn;

import org.jspecify.annotations.NullMarked;
