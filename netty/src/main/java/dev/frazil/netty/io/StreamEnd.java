package dev.frazil.netty.io;

/** Why a stream of a client ended, or was not taken. */
public enum StreamEnd {
  /** The client closed it. */
  CLOSED,
  /** The network or the system broke it. */
  FAILED,
  /** There are as many streams as there may be. */
  TOO_MANY,
  /** As many of its source show no credentials. */
  TOO_MANY_OF_SOURCE,
  /** It had neither an allocation nor a connection with a peer for too long. */
  UNUSED,
  /** TLS did not come about. */
  HANDSHAKE_FAILED,
  /** What came in is neither STUN nor ChannelData. */
  BAD_FRAMING,
  /** The client sent requests and did not read the answers. */
  NOT_READING
}
