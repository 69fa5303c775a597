/** The campaign: random worlds in which two agents must end as an oracle says, with invariants watched at every packet. */
@NullMarked
package dev.frazil.lab.campaign;

import org.jspecify.annotations.NullMarked;
