package dev.frazil.turn;

import dev.frazil.stun.ServerAuthentication;

/** The users of a {@link TurnServer}: their keys, and how long and in whose name they may allocate. */
@FunctionalInterface
public interface TurnAccounts extends ServerAuthentication.Accounts {
  /**
   * Until when a user may make allocations, in seconds since 1970; asked for Allocate requests alone, so that what is
   * there can be refreshed. Without an end unless overridden.
   */
  default long expiry(String username) {
    return Long.MAX_VALUE;
  }

  /** Whose quota a user's allocations count against: the username itself unless overridden. */
  default String owner(String username) {
    return username;
  }
}
