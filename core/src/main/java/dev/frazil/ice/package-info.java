/** ICE (RFC 8445): the agent and what it decides with. */
@NullMarked
package dev.frazil.ice;

import org.jspecify.annotations.NullMarked;
