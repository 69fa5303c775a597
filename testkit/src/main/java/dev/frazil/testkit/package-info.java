/** A virtual Internet in virtual time, to test protocol machines against. */
@NullMarked
package dev.frazil.testkit;

import org.jspecify.annotations.NullMarked;
