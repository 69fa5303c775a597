package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.stun.StunMessage;

/** A request of ours that waits for its response. */
interface Transaction {
  /**
   * A success or error response with this transaction's ID came in.
   *
   * @param path where it came in and from
   */
  void handleResponse(FiveTuple path, StunMessage response, long now);
}
