/** Addresses, paths, deadlines and the shape that every protocol machine shares. */
@NullMarked
package dev.frazil.net;

import org.jspecify.annotations.NullMarked;
