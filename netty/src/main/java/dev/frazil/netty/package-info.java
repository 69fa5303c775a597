/** The runtime: sockets, timers, names and interfaces for Frazil's machines, and {@link dev.frazil.netty.IceSession}. */
@NullMarked
package dev.frazil.netty;

import org.jspecify.annotations.NullMarked;
