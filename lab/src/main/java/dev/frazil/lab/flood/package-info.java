/** Floods of strangers against a running server, and what its honest clients notice of them. */
@NullMarked
package dev.frazil.lab.flood;

import org.jspecify.annotations.NullMarked;
