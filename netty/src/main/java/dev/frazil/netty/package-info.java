/** Frazil's netty. */
@NullMarked
package dev.frazil.netty;

import org.jspecify.annotations.NullMarked;
