package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.Demux.Kind;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class DemuxTest {
  /** The figure of RFC 7983 7: the last first byte of each range, and what it is. */
  private static final Object[][] RFC_7983 = {
    {3, Kind.STUN},
    {15, Kind.UNKNOWN},
    {19, Kind.ZRTP},
    {63, Kind.DTLS},
    {79, Kind.TURN_CHANNEL},
    {127, Kind.UNKNOWN},
    {191, Kind.RTP_OR_RTCP},
    {255, Kind.UNKNOWN},
  };

  /** The figure of RFC 9443 2. */
  private static final Object[][] RFC_9443 = {
    {3, Kind.STUN},
    {15, Kind.UNKNOWN},
    {19, Kind.ZRTP},
    {63, Kind.DTLS},
    {79, Kind.TURN_CHANNEL},
    {127, Kind.QUIC},
    {191, Kind.RTP_OR_RTCP},
    {255, Kind.QUIC},
  };

  private static Kind inFigure(Object[][] figure, int first) {
    for (Object[] row : figure) {
      if (first <= (int) row[0]) {
        return (Kind) row[1];
      }
    }
    throw new AssertionError(first);
  }

  @Test
  @Tag("STUN-1280")
  void everyFirstByteIsWhatRfc7983Says() {
    for (int first = 0; first < 256; first++) {
      assertThat(Demux.kind(first)).as("%d", first).isEqualTo(inFigure(RFC_7983, first));
      assertThat(Demux.kind((byte) first)).as("%d", first).isEqualTo(inFigure(RFC_7983, first));
    }
  }

  @Test
  @Tag("STUN-1290")
  void everyFirstByteIsWhatRfc9443Says() {
    for (int first = 0; first < 256; first++) {
      Kind kind = inFigure(RFC_9443, first);
      assertThat(Demux.kindWithQuic(first, true)).as("%d", first).isEqualTo(kind);
      assertThat(Demux.kindWithQuic((byte) first, false))
          .as("%d", first)
          .isEqualTo(kind == Kind.TURN_CHANNEL ? Kind.QUIC : kind);
    }
  }
}
