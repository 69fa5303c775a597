/** Frazil's cli. */
@NullMarked
package dev.frazil.cli;

import org.jspecify.annotations.NullMarked;
