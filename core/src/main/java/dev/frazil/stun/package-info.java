/** STUN (RFC 8489): messages, credentials, transactions and the Binding server. */
@NullMarked
package dev.frazil.stun;

import org.jspecify.annotations.NullMarked;
