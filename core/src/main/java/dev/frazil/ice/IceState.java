package dev.frazil.ice;

/** The state of a session as an application sees it, in the terms of the W3C's RTCIceTransportState. */
public enum IceState {
  /** No checks yet. */
  NEW,
  /** Looking for a path; none is usable yet. */
  CHECKING,
  /** Data can be sent on every component of every stream that has not failed. */
  CONNECTED,
  /** Every component of every stream has its selected pair (RFC 8445 6.1.3). */
  COMPLETED,
  /** No answer on the path in use for a while; it may come back. */
  DISCONNECTED,
  /** No path was found, or consent to send was lost (RFC 7675). Only a restart helps. */
  FAILED,
  /** Closed by the application. */
  CLOSED
}
