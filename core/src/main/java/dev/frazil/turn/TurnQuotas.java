package dev.frazil.turn;

import org.jspecify.annotations.Nullable;

/**
 * Who may have how much. A {@link TurnServer} keeps the limits of its configuration by itself; several machines that
 * serve the same users share one implementation of their own, which then has to stand calls from several threads.
 */
public interface TurnQuotas {
  /**
   * How much there may be, as a configuration says.
   *
   * @param allocations of the whole server
   * @param allocationsPerUser of one owner
   * @param bytesPerSecond of payload both ways through the whole server; 0 for no limit
   * @param bytesPerSecondPerUser of payload both ways of one owner; 0 for no limit
   */
  record Limits(
      int allocations, int allocationsPerUser, long bytesPerSecond, long bytesPerSecondPerUser) {}

  /** What an allocation holds of its owner's quota, until it is released. */
  interface Share {
    /**
     * Whether so many bytes of payload may be relayed, in either direction; asked for every packet.
     *
     * @param now the time in nanoseconds
     */
    boolean admits(int bytes, long now);

    /** Gives the share back, once. */
    void release();
  }

  /** Whether the whole server can take no further allocation: 508. */
  boolean isFull();

  /**
   * Takes one allocation's share.
   *
   * @param owner who is counted: see {@link TurnAccounts#owner}
   * @return null when the owner may have no more: 486
   */
  @Nullable Share take(String owner);
}
