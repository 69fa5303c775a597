/** The requirements of the standards, the tests that show them, and the table of both. */
@NullMarked
package dev.frazil.lab.ledger;

import org.jspecify.annotations.NullMarked;
