/** The STUN and TURN server as people run it: {@link dev.frazil.server.FrazilServer} and what it is told. */
@NullMarked
package dev.frazil.server;

import org.jspecify.annotations.NullMarked;
