package dev.frazil.net;

/**
 * Tells the protocols that share a port apart by the first byte of a packet (RFC 7983 7, RFC 9443 2).
 *
 * <p>A helper for applications that run several protocols on one path. An ICE agent does not use it: it takes as STUN
 * what parses as STUN, and hands everything else to the application, whatever its first byte.
 */
public final class Demux {
  /** What a packet is by its first byte. */
  public enum Kind {
    STUN,
    ZRTP,
    DTLS,
    TURN_CHANNEL,
    QUIC,
    RTP_OR_RTCP,
    /** None of them: to be dropped. */
    UNKNOWN
  }

  private Demux() {}

  /**
   * By RFC 7983.
   *
   * @param firstByte the low 8 bits count
   */
  public static Kind kind(int firstByte) {
    int first = firstByte & 0xFF;
    if (first <= 3) {
      return Kind.STUN;
    } else if (first < 16) {
      return Kind.UNKNOWN;
    } else if (first <= 19) {
      return Kind.ZRTP;
    } else if (first <= 63) {
      return Kind.DTLS;
    } else if (first <= 79) {
      return Kind.TURN_CHANNEL;
    }
    return first >= 128 && first <= 191 ? Kind.RTP_OR_RTCP : Kind.UNKNOWN;
  }

  /**
   * By RFC 9443, where QUIC may run on the path too. Both sides must leave QUIC's fixed bit alone (RFC 9287 greases it).
   *
   * @param firstByte the low 8 bits count
   * @param fromTurnServer whether the packet came from a TURN server in use: only then 64 to 79 are ChannelData
   */
  public static Kind kindWithQuic(int firstByte, boolean fromTurnServer) {
    Kind kind = kind(firstByte);
    boolean quic = (firstByte & 0xFF) >= 80 && kind == Kind.UNKNOWN
        || kind == Kind.TURN_CHANNEL && !fromTurnServer;
    return quic ? Kind.QUIC : kind;
  }
}
