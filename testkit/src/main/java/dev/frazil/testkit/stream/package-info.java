/** Byte streams between virtual hosts: a small TCP. */
@NullMarked
package dev.frazil.testkit.stream;

import org.jspecify.annotations.NullMarked;
