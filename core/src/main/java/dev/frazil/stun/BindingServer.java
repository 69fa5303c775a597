package dev.frazil.stun;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Outbox;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Tells clients which address they are seen from (RFC 8489 12), clients of RFC 3489 too. It keeps no state of clients: a
 * request that comes twice is answered twice.
 */
public final class BindingServer implements ProtocolMachine {
  /** Holds the longest realm and SOFTWARE; without them responses pass every path (RFC 8489 6.1: 548 bytes). */
  private static final int LONGEST_RESPONSE = 1500;

  private static final int MOST_UNKNOWN_ATTRIBUTES = 64;
  private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocate(0);

  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.MAPPED_ADDRESS,
      AttributeType.USERNAME,
      AttributeType.ERROR_CODE,
      AttributeType.UNKNOWN_ATTRIBUTES,
      AttributeType.REALM,
      AttributeType.NONCE,
      AttributeType.PASSWORD_ALGORITHM,
      AttributeType.USERHASH,
      AttributeType.XOR_MAPPED_ADDRESS);

  /** Old clients send a CHANGE-REQUEST that asks for no change. */
  private static final AttributeSet CLASSIC_UNDERSTOOD =
      UNDERSTOOD.and(AttributeType.CHANGE_REQUEST);

  /**
   * How the server behaves.
   *
   * @param software the value of SOFTWARE; null sends none
   * @param classic whether requests without the magic cookie are answered in the way of RFC 3489 (RFC 5389 12.2); not on
   *     a socket where anything else than STUN comes in
   * @param requestsPerSecond how many requests a second a source may send, and how many at once: an IPv4 address or an
   *     IPv6 /64; 0 sets no limit
   * @param countTransmissions whether TRANSACTION-TRANSMIT-COUNTER is answered (RFC 7982)
   */
  public record Options(
      @Nullable String software,
      boolean classic,
      int requestsPerSecond,
      boolean countTransmissions) {
    /** SOFTWARE without a version, RFC 3489 too, no limit, no counting. */
    public static final Options DEFAULT = new Options("frazil", true, 0, false);

    public Options {
      TextCodec.requireSendable("software", software);
      if (requestsPerSecond < 0) {
        throw new IllegalArgumentException(
            "requestsPerSecond is 0 or more, not " + requestsPerSecond);
      }
    }
  }

  /** Why a datagram was not answered. */
  public enum Drop {
    NOT_STUN,
    /** An indication or a response: never answered, so that two servers can't talk to each other for ever. */
    NOT_A_REQUEST,
    NOT_BINDING,
    BAD_FINGERPRINT,
    /** Port 0, a multicast, broadcast or unspecified address, or the server's own. */
    UNANSWERABLE_SOURCE,
    RATE_LIMIT
  }

  /**
   * What the server did so far.
   *
   * @param answered success responses sent
   * @param refused error responses sent
   * @param dropped datagrams that were not answered
   */
  public record Statistics(long answered, long refused, Map<Drop, Long> dropped) {}

  private final Options options;
  private final @Nullable ServerAuthentication authentication;
  private final SourceLimit limit;
  private final TransmitCounts transmissions;
  private final Outbox outbox;
  private final ByteBuffer out = ByteBuffer.allocate(LONGEST_RESPONSE);
  private final long[] dropped = new long[Drop.values().length];
  private long answered;
  private long refused;

  /**
   * A server.
   *
   * @param authentication what requests have to prove; null lets everybody in, as public servers do
   * @param random spreads sources over the tables
   */
  public BindingServer(
      Options options,
      @Nullable ServerAuthentication authentication,
      RandomGenerator random,
      Outbox outbox) {
    this.options = options;
    this.authentication = authentication;
    this.limit = new SourceLimit(options.requestsPerSecond(), random);
    this.transmissions = new TransmitCounts(options.countTransmissions());
    this.outbox = outbox;
  }

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {
    StunMessage request = StunMessage.tryParse(datagram);
    boolean classic = request == null && options.classic();
    if (classic) {
      request = StunMessage.tryParseClassic(datagram);
    }
    Drop drop = request == null ? Drop.NOT_STUN : reasonToDrop(path, request, now);
    if (drop != null) {
      dropped[drop.ordinal()]++;
    } else if (request != null) {
      respond(path, request, classic, now);
    }
  }

  private void respond(FiveTuple path, StunMessage request, boolean classic, long now) {
    StunBuilder response = classic ? answerClassic(path, request) : answer(path, request, now);
    if (request.hasFingerprint() && !classic) {
      response.fingerprint();
    }
    outbox.transmit(path, response.finish(), NO_PAYLOAD);
  }

  private @Nullable Drop reasonToDrop(FiveTuple path, StunMessage request, long now) {
    TransportAddress source = path.remote();
    IpAddress ip = source.ip();
    if (request.messageClass() != MessageClass.REQUEST) {
      return Drop.NOT_A_REQUEST;
    } else if (request.method() != Method.BINDING) {
      return Drop.NOT_BINDING;
    } else if (request.hasFingerprint() && !request.hasValidFingerprint()) {
      return Drop.BAD_FINGERPRINT;
    } else if (source.port() == 0 || source.equals(path.local())) {
      return Drop.UNANSWERABLE_SOURCE;
    } else if (ip.isMulticast() || ip.isBroadcast() || ip.isUnspecified()) {
      return Drop.UNANSWERABLE_SOURCE;
    }
    return limit.admits(ip, now) ? null : Drop.RATE_LIMIT;
  }

  /** RFC 8489 6.3, 6.3.1: authentication comes before unknown attributes. */
  private StunBuilder answer(FiveTuple path, StunMessage request, long now) {
    ServerAuthentication.Verdict verdict =
        authentication == null ? null : authentication.check(request, path.remote(), now);
    int[] unknown =
        verdict == null || verdict.isAccepted() ? request.unknownRequired(UNDERSTOOD) : new int[0];
    StunBuilder response;
    if (verdict != null && !verdict.isAccepted()) {
      response = error(request, verdict.errorCode());
    } else if (unknown.length > 0) {
      response = error(request, ErrorCode.UNKNOWN_ATTRIBUTE)
          .put(AttributeType.UNKNOWN_ATTRIBUTES, bounded(unknown));
    } else {
      answered++;
      response = StunBuilder.success(Method.BINDING, request.transactionId(), out.clear())
          .put(AttributeType.XOR_MAPPED_ADDRESS, path.remote());
    }
    transmissions.answer(request, response);
    if (options.software() != null) {
      response.put(AttributeType.SOFTWARE, options.software());
    }
    return verdict == null ? response : verdict.finish(response);
  }

  private StunBuilder error(StunMessage request, int code) {
    refused++;
    return StunBuilder.error(Method.BINDING, request.transactionId(), out.clear(), code);
  }

  private static int[] bounded(int[] unknown) {
    return unknown.length <= MOST_UNKNOWN_ATTRIBUTES
        ? unknown
        : Arrays.copyOf(unknown, MOST_UNKNOWN_ATTRIBUTES);
  }

  /** RFC 5389 12.2: all 16 bytes of the transaction ID come back, and the address is not XORed. */
  private StunBuilder answerClassic(FiveTuple path, StunMessage request) {
    boolean changes = request.intValue(AttributeType.CHANGE_REQUEST, 0) != 0;
    int[] unknown = request.unknownRequired(changes ? UNDERSTOOD : CLASSIC_UNDERSTOOD);
    if (unknown.length > 0) {
      refused++;
      return StunBuilder.classic(MessageClass.ERROR, request, out.clear())
          .put(AttributeType.ERROR_CODE, ErrorCode.of(ErrorCode.UNKNOWN_ATTRIBUTE))
          .put(AttributeType.UNKNOWN_ATTRIBUTES, bounded(unknown));
    }
    answered++;
    return StunBuilder.classic(MessageClass.SUCCESS, request, out.clear())
        .put(AttributeType.MAPPED_ADDRESS, path.remote());
  }

  @Override
  public void handleTimeout(long now) {}

  @Override
  public long nextTimeout() {
    return NEVER;
  }

  /** What was done so far. */
  public Statistics stats() {
    Map<Drop, Long> counts = new EnumMap<>(Drop.class);
    for (Drop reason : Drop.values()) {
      counts.put(reason, dropped[reason.ordinal()]);
    }
    return new Statistics(answered, refused, counts);
  }
}
