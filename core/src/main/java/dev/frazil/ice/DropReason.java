package dev.frazil.ice;

/** Why a datagram or a piece of signalling had no effect. */
public enum DropReason {
  /** The agent is closed, or the datagram came in on an address that is no base of it. */
  NOT_MINE,
  /** STUN, but of a method or class that an agent does not take. */
  UNEXPECTED_STUN,
  /** A request with a wrong or missing FINGERPRINT, MESSAGE-INTEGRITY, USERNAME or attribute. */
  BAD_REQUEST,
  /** A request whose USERNAME or MESSAGE-INTEGRITY does not hold. */
  UNAUTHENTICATED,
  /** A response that answers no transaction. */
  UNKNOWN_TRANSACTION,
  /** A response whose MESSAGE-INTEGRITY does not hold. */
  FORGED_RESPONSE,
  /** A response without what it must carry, or with a wrong FINGERPRINT. */
  BAD_RESPONSE,
  /** Application data from an address that has not authenticated itself. */
  UNKNOWN_SENDER,
  /** A remote candidate, or the source of a check, that may not be used: loopback, unspecified, multicast, broadcast, port 0, or refused. */
  CANDIDATE_REFUSED,
  /** A remote candidate of another generation, or after end-of-candidates. */
  CANDIDATE_LATE,
  /** A bounded table was full. */
  TABLE_FULL
}
