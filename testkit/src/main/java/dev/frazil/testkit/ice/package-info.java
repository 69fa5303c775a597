/** ICE agents on virtual hosts. */
@NullMarked
package dev.frazil.testkit.ice;

import org.jspecify.annotations.NullMarked;
