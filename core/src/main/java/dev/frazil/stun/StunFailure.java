package dev.frazil.stun;

/** Why a request came to nothing. */
public enum StunFailure {
  /** No response came. */
  TIMEOUT,
  /** Responses came, but without the integrity that the credential gives (RFC 8489 9.1.4, 9.2.5). */
  INTEGRITY_VIOLATION,
  /** The server refused; its error code tells why. */
  ERROR_RESPONSE,
  /** The server does not take the credential, or asks for what can't be done. */
  UNAUTHENTICATED,
  /** A response that holds attributes which have to be understood and are not, or lacks what it has to hold. */
  BAD_RESPONSE,
  /** The network says that the server can't be reached, or the connection broke. */
  UNREACHABLE
}
