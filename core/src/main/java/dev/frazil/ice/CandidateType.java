package dev.frazil.ice;

import org.jspecify.annotations.Nullable;

/** How a candidate was obtained (RFC 8445 5.1.1), with its type preference (RFC 8445 5.1.2.2) and its word in SDP. */
public enum CandidateType {
  /** An address of the host itself. */
  HOST("host", 126),
  /** An address that a peer saw in a check. */
  PEER_REFLEXIVE("prflx", 110),
  /** An address that a STUN or TURN server saw. */
  SERVER_REFLEXIVE("srflx", 100),
  /** An address of a TURN server. */
  RELAYED("relay", 0);

  private final String token;
  private final int preference;

  CandidateType(String token, int preference) {
    this.token = token;
    this.preference = preference;
  }

  /** The word of RFC 8839 5.1: {@code host}, {@code prflx}, {@code srflx} or {@code relay}. */
  public String token() {
    return token;
  }

  /** The recommended type preference, 0 to 126. */
  public int preference() {
    return preference;
  }

  static @Nullable CandidateType ofToken(String token) {
    for (CandidateType type : values()) {
      if (type.token.equals(token)) {
        return type;
      }
    }
    return null;
  }
}
