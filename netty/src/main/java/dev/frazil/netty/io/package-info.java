/** How machines run: event loops with one heap of deadlines each, and the doors to the kernel. Not for applications. */
@NullMarked
package dev.frazil.netty.io;

import org.jspecify.annotations.NullMarked;
