/** Ready-made ways in which hosts are connected to the virtual Internet. */
@NullMarked
package dev.frazil.testkit.topology;

import org.jspecify.annotations.NullMarked;
