/** Frazil's lab. */
@NullMarked
package dev.frazil.lab;

import org.jspecify.annotations.NullMarked;
