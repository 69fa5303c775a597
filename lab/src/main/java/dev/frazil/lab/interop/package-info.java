/** Frazil crossed with the ICE stacks of others, each in a network namespace of its own. */
@NullMarked
package dev.frazil.lab.interop;

import org.jspecify.annotations.NullMarked;
