/** The public API of each module as a text, so that a change to it is seen. */
@NullMarked
package dev.frazil.lab.api;

import org.jspecify.annotations.NullMarked;
