/** Datagrams on Linux by system calls from Java, many at once: a door to the kernel for {@code dev.frazil.netty.io}. */
@NullMarked
package dev.frazil.linux;

import org.jspecify.annotations.NullMarked;
