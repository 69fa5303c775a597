/** TURN servers and clients on virtual hosts. */
@NullMarked
package dev.frazil.testkit.turn;

import org.jspecify.annotations.NullMarked;
