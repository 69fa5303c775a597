package dev.frazil.stun;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Outbox;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
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

  /** RFC 5780 7.6: as much as an interface's MTU, a multiple of four bytes. */
  private static final int MOST_PADDING = 1500;

  /** Of a source, where an answer is long or goes to another port than the one that asked. */
  private static final int REDIRECTIONS_PER_SECOND = 10;

  private static final int MOST_UNKNOWN_ATTRIBUTES = 64;
  private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocate(0);
  private static final int[] NOTHING_UNKNOWN = {};

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

  /** What is understood at the addresses of {@link Discovery}. */
  private static final AttributeSet DISCOVERY_UNDERSTOOD = UNDERSTOOD.and(
      AttributeType.CHANGE_REQUEST, AttributeType.RESPONSE_PORT, AttributeType.PADDING);

  /**
   * The addresses at which clients find out how their NATs behave (RFC 5780): two IP addresses with the same two ports
   * each, over UDP. All four have to be listened on.
   *
   * @param primary where clients begin
   * @param alternate the other IP address, of the same family, with the other port
   */
  public record Discovery(TransportAddress primary, TransportAddress alternate) {
    /** RFC 5780 7.2. */
    private static final int CHANGE_IP = 0x04;

    private static final int CHANGE_PORT = 0x02;

    public Discovery {
      requireAddress("primary", primary);
      requireAddress("alternate", alternate);
      if (primary.ip().family() != alternate.ip().family()) {
        throw new IllegalArgumentException(
            "alternate " + alternate + ": has to be of the family of " + primary);
      } else if (primary.ip().equals(alternate.ip()) || primary.port() == alternate.port()) {
        throw new IllegalArgumentException("alternate " + alternate + ": has to differ from "
            + primary + " in its IP address and in its port");
      }
    }

    private static void requireAddress(String name, TransportAddress address) {
      if (address.transport() != Transport.UDP
          || address.port() == 0
          || address.ip().isUnspecified()
          || address.ip().isMulticast()) {
        throw new IllegalArgumentException(
            name + " " + address + ": has to be a UDP address of one host, with a port");
      }
    }

    /** All four, the primary one first. */
    public List<TransportAddress> addresses() {
      return List.of(
          primary,
          changed(primary, CHANGE_PORT),
          changed(primary, CHANGE_IP),
          changed(primary, CHANGE_IP | CHANGE_PORT));
    }

    private boolean includes(TransportAddress local) {
      return local.transport() == Transport.UDP
          && (local.ip().equals(primary.ip()) || local.ip().equals(alternate.ip()))
          && (local.port() == primary.port() || local.port() == alternate.port());
    }

    /** RFC 5780 6.1, table 1: where an answer leaves from. */
    private TransportAddress changed(TransportAddress local, int flags) {
      IpAddress ip = (flags & CHANGE_IP) == 0 ? local.ip() : other(local.ip());
      int port = (flags & CHANGE_PORT) == 0
          ? local.port()
          : primary.port() + alternate.port() - local.port();
      return new TransportAddress(ip, port, Transport.UDP);
    }

    private IpAddress other(IpAddress ip) {
      return ip.equals(primary.ip()) ? alternate.ip() : primary.ip();
    }

    /** What a client finds by asking for both changes. */
    private TransportAddress other(TransportAddress local) {
      return changed(local, CHANGE_IP | CHANGE_PORT);
    }
  }

  /**
   * How the server behaves.
   *
   * @param software the value of SOFTWARE; null sends none
   * @param classic whether requests without the magic cookie are answered in the way of RFC 3489 (RFC 5389 12.2); not on
   *     a socket where anything else than STUN comes in
   * @param requestsPerSecond how many requests a second a source may send, and how many at once: an IPv4 address or an
   *     IPv6 /64; 0 sets no limit
   * @param countTransmissions whether TRANSACTION-TRANSMIT-COUNTER is answered (RFC 7982)
   * @param discovery where NAT behaviour discovery is served; null nowhere
   */
  public record Options(
      @Nullable String software,
      boolean classic,
      int requestsPerSecond,
      boolean countTransmissions,
      @Nullable Discovery discovery) {
    /** SOFTWARE without a version, RFC 3489 too, no limit, no counting. */
    public static final Options DEFAULT = new Options("frazil", true, 0, false);

    /** Without NAT behaviour discovery. */
    public Options(
        @Nullable String software,
        boolean classic,
        int requestsPerSecond,
        boolean countTransmissions) {
      this(software, classic, requestsPerSecond, countTransmissions, null);
    }

    /** The same with NAT behaviour discovery; with null without. */
    public Options withDiscovery(@Nullable Discovery value) {
      return new Options(software, classic, requestsPerSecond, countTransmissions, value);
    }

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
  private final SourceLimit redirections;
  private final TransmitCounts transmissions;
  private final Outbox outbox;
  private final ByteBuffer out;
  private final ByteBuffer padding;
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
    boolean discovers = options.discovery() != null;
    this.redirections = discovers ? new SourceLimit(REDIRECTIONS_PER_SECOND, random) : limit;
    int longestPadding = discovers ? MOST_PADDING : 0;
    this.padding = ByteBuffer.allocate(longestPadding);
    this.out = ByteBuffer.allocate(LONGEST_RESPONSE + longestPadding);
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
    if (classic) {
      outbox.transmit(path, answerClassic(path, request).finish(), NO_PAYLOAD);
      return;
    }
    // RFC 8489 6.3, 6.3.1: authentication comes before unknown attributes.
    ServerAuthentication.Verdict verdict =
        authentication == null ? null : authentication.check(request, path.remote(), now);
    int code = verdict != null && !verdict.isAccepted() ? verdict.errorCode() : 0;
    Discovery discovery = discoveryAt(path);
    int[] unknown = code == 0
        ? request.unknownRequired(discovery == null ? UNDERSTOOD : DISCOVERY_UNDERSTOOD)
        : NOTHING_UNKNOWN;
    if (unknown.length > 0) {
      code = ErrorCode.UNKNOWN_ATTRIBUTE;
    } else if (code == 0 && discovery != null && isContradictory(request)) {
      code = ErrorCode.BAD_REQUEST;
    }
    FiveTuple back = discovery == null || code != 0 ? path : back(path, request, discovery);
    StunBuilder response = code == 0 ? success(path, request) : error(request, code);
    if (unknown.length > 0) {
      response.put(AttributeType.UNKNOWN_ATTRIBUTES, bounded(unknown));
    } else if (code == 0 && discovery != null) {
      discover(discovery, path, request, back.local(), response);
    }
    finish(request, response, verdict);
    outbox.transmit(back, response.finish(), NO_PAYLOAD);
  }

  private @Nullable Discovery discoveryAt(FiveTuple path) {
    Discovery discovery = options.discovery();
    return discovery != null && discovery.includes(path.local()) ? discovery : null;
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
    boolean costly = discoveryAt(path) != null
        && (request.has(AttributeType.RESPONSE_PORT) || request.has(AttributeType.PADDING));
    return limit.admits(ip, now) && (!costly || redirections.admits(ip, now))
        ? null
        : Drop.RATE_LIMIT;
  }

  private StunBuilder success(FiveTuple path, StunMessage request) {
    answered++;
    return StunBuilder.success(Method.BINDING, request.transactionId(), out.clear())
        .put(AttributeType.XOR_MAPPED_ADDRESS, path.remote());
  }

  private void finish(
      StunMessage request, StunBuilder response, ServerAuthentication.@Nullable Verdict verdict) {
    transmissions.answer(request, response);
    if (options.software() != null) {
      response.put(AttributeType.SOFTWARE, options.software());
    }
    if (verdict != null) {
      verdict.finish(response);
    }
    if (request.hasFingerprint()) {
      response.fingerprint();
    }
  }

  /** RFC 5780 6.1: a long answer may not go to another port than the one that asked; and 0 is no port. */
  private static boolean isContradictory(StunMessage request) {
    boolean redirected = request.has(AttributeType.RESPONSE_PORT);
    return redirected
        && (request.has(AttributeType.PADDING)
            || request.intValue(AttributeType.RESPONSE_PORT, 0) == 0);
  }

  /** RFC 5780 6.1: from the address that CHANGE-REQUEST selects, to the port that RESPONSE-PORT names. */
  private static FiveTuple back(FiveTuple path, StunMessage request, Discovery discovery) {
    int flags = request.intValue(AttributeType.CHANGE_REQUEST, 0);
    TransportAddress remote = path.remote();
    int port = request.intValue(AttributeType.RESPONSE_PORT, remote.port());
    return new FiveTuple(discovery.changed(path.local(), flags), remote.withPort(port));
  }

  private void discover(
      Discovery discovery,
      FiveTuple path,
      StunMessage request,
      TransportAddress origin,
      StunBuilder response) {
    response
        .put(AttributeType.MAPPED_ADDRESS, path.remote())
        .put(AttributeType.RESPONSE_ORIGIN, origin)
        .put(AttributeType.OTHER_ADDRESS, discovery.other(path.local()));
    ByteBuffer asked = request.get(AttributeType.PADDING);
    if (asked != null) {
      // A multiple of four (RFC 5780 7.6), no longer than the request's: nothing is amplified.
      int length = Math.min(MOST_PADDING, asked.remaining() + 3 & ~3);
      response.put(AttributeType.PADDING, padding.slice(0, length));
    }
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
