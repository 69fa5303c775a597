/** The commands around a running server. */
@NullMarked
package dev.frazil.cli.serve;

import org.jspecify.annotations.NullMarked;
