/** Frazil's testkit. */
@NullMarked
package dev.frazil.testkit;

import org.jspecify.annotations.NullMarked;
