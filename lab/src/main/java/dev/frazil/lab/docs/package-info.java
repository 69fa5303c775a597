/** Documents that show code which tests run. */
@NullMarked
package dev.frazil.lab.docs;

import org.jspecify.annotations.NullMarked;
