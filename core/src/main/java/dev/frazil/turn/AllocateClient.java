package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientAuthentication;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ClientLine.Refusal;
import dev.frazil.turn.ClientSession.State;
import dev.frazil.turn.ClientSession.Timer;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Asks for an allocation, and does what each refusal asks for (RFC 8656 7.1, 7.3, 7.4). */
final class AllocateClient implements ClientLine.Asker {
  private static final int UDP = 17;
  private static final int TCP = 6;
  static final int IPV4 = 1;
  static final int IPV6 = 2;

  /** RFC 8656 7.4: after 437 from so many ports the server is left alone for two minutes. */
  private static final int MOST_PORTS = 3;

  private static final long AFTER_MISMATCHES = 2 * ClientSession.MINUTE;
  /** RFC 8656 7.4: 486, 508. */
  private static final long AFTER_EXHAUSTION = ClientSession.MINUTE;
  /** RFC 8489 10: a server that was tried so shortly ago is not tried again. */
  private static final long REDIRECTION_MEMORY = 5 * ClientSession.MINUTE;

  private static final int MOST_REDIRECTIONS = 8;
  private static final int DEFAULT_LIFETIME = 600;
  private static final Duration LONGEST_LIFETIME = Duration.ofDays(1);

  private static final String USELESS_ADDRESS = "the server gave an address that is of no use";
  private static final Refusal USELESS = new Refusal(Failure.BAD_RESPONSE, null, false, null);

  private final ClientSession session;
  private final TurnConfiguration configuration;
  private final Timer timer = new Timer(this::resume);
  private final Map<TransportAddress, Long> tried = new HashMap<>();
  private @Nullable ClientAuthentication nextAuthentication;
  private StunClient.@Nullable Request request;
  private TurnRequest.@Nullable Open opening;
  private @Nullable TransportAddress server;
  private long notBefore;
  private int ports;
  private boolean tokenWanted;

  // What has been refused is not asked for again.
  private boolean dontFragment;
  private boolean particularPort;
  private boolean mobility;
  private boolean ipv4;
  private boolean ipv6;
  private final long[] familyNotBefore = new long[3];

  AllocateClient(ClientSession session) {
    this.session = session;
    configuration = session.configuration;
    wishEverything();
  }

  private void wishEverything() {
    dontFragment = configuration.dontFragment;
    particularPort = configuration.evenPort || configuration.reservationToken != null;
    mobility = configuration.mobility;
    Arrays.fill(familyNotBefore, 0);
  }

  boolean dontFragment() {
    return dontFragment;
  }

  // asking

  void start(FiveTuple path, long now) {
    session.leaveUseless(now);
    if (session.state != State.IDLE) {
      throw new IllegalStateException("start: the allocation is " + session.state);
    }
    if (configuration.transport == Transport.TCP && path.local().transport() != Transport.TCP) {
      throw new IllegalArgumentException(
          "path " + path + ": a TCP allocation takes a stream to the server (RFC 6062 4.1)");
    }
    ports = 1;
    if (!path.remote().equals(server)) {
      server = path.remote();
      notBefore = 0;
      wishEverything();
    }
    session.domain = null;
    session.use(path);
    if (notBefore == ProtocolMachine.NEVER) {
      giveUp(USELESS, USELESS_ADDRESS, ProtocolMachine.NEVER, now);
    } else {
      askAt(notBefore, now);
    }
  }

  /** Asks over the present path, at once or when that time has come. */
  void askAt(long at, long now) {
    opening = null;
    if (at > now) {
      session.state = State.WAITING;
      session.schedule(timer, at);
    } else {
      ask(now);
    }
  }

  /** The path is broken: asks over a new one to the same server, at once or when that time has come. */
  void reopen(long at, long now) {
    session.state = State.WAITING;
    reopenLater();
    session.schedule(timer, Math.max(at, now));
  }

  /** The path broke while there was nothing to ask: when there is, it will be over a new one. */
  void reopenLater() {
    FiveTuple broken = session.line().path;
    if (opening == null) {
      opening = new TurnRequest.Open(broken.local().ip(), broken.remote(), session.domain);
    }
  }

  private void resume(long now) {
    if (session.state == State.WAITING && opening != null) {
      session.outbox.request(opening);
    } else if (session.state == State.WAITING) {
      ask(now);
    }
  }

  private void open(TransportAddress server, @Nullable String domain) {
    opening = new TurnRequest.Open(session.line().path.local().ip(), server, domain);
    session.state = State.WAITING;
    session.outbox.request(opening);
  }

  void opened(FiveTuple path, long now) {
    TurnRequest.Open asked = opening;
    if (session.state != State.WAITING || asked == null || !path.remote().equals(asked.server())) {
      session.outbox.request(new TurnRequest.Close(path));
      return;
    }
    session.domain = asked.domain();
    session.use(path);
    askAt(now, now);
  }

  void openFailed(String reason, long now) {
    if (session.state == State.WAITING && opening != null) {
      opening = null;
      giveUp(
          new Refusal(Failure.UNREACHABLE, null, false, null), reason, now + AFTER_EXHAUSTION, now);
    }
  }

  private void ask(long now) {
    if (nextAuthentication != null) {
      session.authentication = nextAuthentication;
      nextAuthentication = null;
      session.use(session.line().path);
    }
    chooseFamilies(now);
    if (!ipv4 && !ipv6) {
      String reason = "the server has no relayed address of the family asked for";
      giveUp(new Refusal(Failure.ERROR_RESPONSE, null, false, null), reason, familyRetry(), now);
      return;
    }
    tokenWanted = false;
    session.state = State.ALLOCATING;
    tried.values().removeIf(at -> now - at >= REDIRECTION_MEMORY);
    tried.put(session.line().path.remote(), now);
    request = session.line().request(Method.ALLOCATE, this::attributes, this, now);
  }

  /** RFC 8656 7.3: a family that was refused is not asked for again, or not yet. */
  private void chooseFamilies(long now) {
    ipv4 =
        configuration.families != TurnConfiguration.Families.IPV6 && now >= familyNotBefore[IPV4];
    ipv6 =
        configuration.families != TurnConfiguration.Families.IPV4 && now >= familyNotBefore[IPV6];
  }

  private long familyRetry() {
    return switch (configuration.families) {
      case IPV4 -> familyNotBefore[IPV4];
      case IPV6 -> familyNotBefore[IPV6];
      case BOTH -> Math.min(familyNotBefore[IPV4], familyNotBefore[IPV6]);
    };
  }

  private void attributes(StunBuilder builder) {
    builder.put(
        AttributeType.REQUESTED_TRANSPORT, configuration.transport == Transport.UDP ? UDP : TCP);
    if (configuration.lifetimeSeconds > 0) {
      builder.put(AttributeType.LIFETIME, configuration.lifetimeSeconds);
    }
    if (dontFragment) {
      builder.flag(AttributeType.DONT_FRAGMENT);
    }
    if (mobility) {
      builder.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0));
    }
    if (particularPort && configuration.reservationToken != null) {
      builder.put(AttributeType.RESERVATION_TOKEN, configuration.reservationToken);
      return; // RFC 8656 7.1: the reserved address has a family
    }
    if (particularPort) {
      builder.put(AttributeType.EVEN_PORT, Boolean.valueOf(configuration.reserveNext));
    }
    if (ipv4 && ipv6) {
      builder.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, IPV6);
    } else if (ipv6) {
      builder.put(AttributeType.REQUESTED_ADDRESS_FAMILY, IPV6);
    } // RFC 8656 7.1: without either IPv4 is meant, and servers of RFC 5766 know no other way
  }

  // success

  @Override
  public void answered(StunMessage response, long askedAt, long now) {
    request = null;
    int seconds = response.intValue(AttributeType.LIFETIME, DEFAULT_LIFETIME);
    long lifetime = Math.min(Integer.toUnsignedLong(seconds), LONGEST_LIFETIME.toSeconds())
        * ClientSession.SECOND;
    TransportAddress mapped = response.get(
        AttributeType.XOR_MAPPED_ADDRESS, session.line().path.local().transport());
    List<TransportAddress> relayed = relayed(response);
    if (session.state == State.CLOSING) {
      session.refresh.delete(now);
    } else if (relayed == null || mapped == null) {
      session.outbox.event(new TurnEvent.Refused(
          Failure.BAD_RESPONSE, null, USELESS_ADDRESS, ProtocolMachine.NEVER));
      notBefore = ProtocolMachine.NEVER; // RFC 8656 7.3
      session.delete(false, now);
    } else {
      List<AddressErrorCode> missing = response.all(AttributeType.ADDRESS_ERROR_CODE);
      missing.forEach(each -> refuseFamily(each.family(), each.error().code(), now));
      boolean mobile = session.refresh.allocated(response, lifetime, mobility, askedAt);
      session.allocated(relayed, now);
      session.outbox.event(new TurnEvent.Allocated(
          relayed,
          mapped,
          Duration.ofNanos(lifetime),
          mobile,
          response.get(AttributeType.RESERVATION_TOKEN),
          missing));
      session.permissions.allocated(now);
      session.channels.allocated(now);
    }
  }

  /** The relayed addresses, the first of each family; null when one is missing, or is not what was asked for. */
  private @Nullable List<TransportAddress> relayed(StunMessage response) {
    boolean reserved = particularPort && configuration.reservationToken != null;
    List<TransportAddress> relayed = new ArrayList<>();
    for (TransportAddress each : response.all(AttributeType.XOR_RELAYED_ADDRESS)) {
      IpAddress ip = each.ip();
      boolean wanted = reserved || (ip.isIpv4() ? ipv4 : ipv6);
      if (!wanted || ip.isUnspecified() || ip.isMulticast() || each.port() == 0) {
        return null;
      }
      if (relayed.stream().noneMatch(known -> known.ip().family() == ip.family())) {
        relayed.add(new TransportAddress(ip, each.port(), configuration.transport));
      }
    }
    return relayed.isEmpty() ? null : List.copyOf(relayed);
  }

  private void refuseFamily(int family, int code, long now) {
    // RFC 8656 7.3, 7.4: never again after 440, after anything else not within a minute
    familyNotBefore[family] = code == ErrorCode.ADDRESS_FAMILY_NOT_SUPPORTED
        ? ProtocolMachine.NEVER
        : now + AFTER_EXHAUSTION;
  }

  // refusal

  @Override
  public void refused(Refusal refusal, long now) {
    request = null;
    if (session.state == State.CLOSING) {
      session.finish(now);
      return;
    }
    switch (refusal.code()) {
      case ErrorCode.TRY_ALTERNATE -> {
        if (!redirect(refusal, now)) {
          giveUp(refusal, "sent to a server that can't be tried", ProtocolMachine.NEVER, now);
        }
      }
      case ErrorCode.ALLOCATION_MISMATCH -> tryAnotherPort(refusal, now);
      case ErrorCode.UNKNOWN_ATTRIBUTE -> askWithout(refusal, dropUnknown(refusal), now);
      case ErrorCode.MOBILITY_FORBIDDEN -> {
        boolean was = mobility;
        mobility = false;
        askWithout(refusal, was, now);
      }
      case ErrorCode.ADDRESS_FAMILY_NOT_SUPPORTED -> {
        boolean other = ipv4 && ipv6; // a server that knows no ADDITIONAL-ADDRESS-FAMILY, nor IPv4
        refuseFamily(ipv4 ? IPV4 : IPV6, ErrorCode.ADDRESS_FAMILY_NOT_SUPPORTED, now);
        askWithout(refusal, other, now);
      }
      case ErrorCode.INSUFFICIENT_CAPACITY -> {
        if (particularPort) {
          particularPort = false;
          ask(now);
        } else {
          giveUp(refusal, "the server has no room", now + AFTER_EXHAUSTION, now);
        }
      }
      case ErrorCode.ALLOCATION_QUOTA_REACHED ->
        giveUp(refusal, "the user has too many allocations", now + AFTER_EXHAUSTION, now);
      case ErrorCode.SERVER_ERROR ->
        giveUp(refusal, "the server has failed", now + AFTER_EXHAUSTION, now);
      case 0 -> giveUp(refusal, describe(refusal.failure()), now + AFTER_EXHAUSTION, now);
      default -> refuse(refusal, now);
    }
  }

  private static String describe(Failure failure) {
    return switch (failure) {
      case TIMEOUT -> "the server does not answer";
      case INTEGRITY_VIOLATION -> "somebody tampers with the server's answers";
      case UNREACHABLE -> "the server can't be reached";
      default -> "the server's answer makes no sense";
    };
  }

  /** RFC 8656 7.4: not to be repeated as it was. */
  private void refuse(Refusal refusal, long now) {
    String reason = refusal.failure() == Failure.UNAUTHENTICATED
        ? "the server does not take the credentials"
        : "the server refuses";
    if (session.wantsToken(refusal)) {
      tokenWanted = true;
      session.state = State.WAITING;
    } else {
      giveUp(refusal, reason, ProtocolMachine.NEVER, now);
    }
  }

  private void askWithout(Refusal refusal, boolean changed, long now) {
    if (changed) {
      ask(now);
    } else {
      refuse(refusal, now);
    }
  }

  /** Whether less can be asked for, after 420. */
  private boolean dropUnknown(Refusal refusal) {
    int[] unknown = refusal.response() == null
        ? null
        : refusal.response().get(AttributeType.UNKNOWN_ATTRIBUTES);
    if (unknown == null) {
      return false;
    }
    IntPredicate isUnknown = code -> Arrays.stream(unknown).anyMatch(each -> each == code);
    boolean changed = false;
    if (dontFragment && isUnknown.test(AttributeType.DONT_FRAGMENT.code())) {
      dontFragment = false;
      changed = true;
    }
    if (mobility && isUnknown.test(AttributeType.MOBILITY_TICKET.code())) {
      mobility = false;
      changed = true;
    }
    if (particularPort
        && (isUnknown.test(AttributeType.EVEN_PORT.code())
            || isUnknown.test(AttributeType.RESERVATION_TOKEN.code()))) {
      particularPort = false;
      changed = true;
    }
    if (ipv4 && ipv6 && isUnknown.test(AttributeType.ADDITIONAL_ADDRESS_FAMILY.code())) {
      familyNotBefore[IPV6] = ProtocolMachine.NEVER;
      changed = true;
    }
    return changed;
  }

  /** RFC 8656 7.4: the port may have been used before, by an allocation that is not ours to know. */
  private void tryAnotherPort(Refusal refusal, long now) {
    if (ports < MOST_PORTS) {
      ports++;
      open(session.line().path.remote(), session.domain);
    } else {
      ports = 1;
      String reason = "the server has allocations for " + MOST_PORTS + " new ports";
      giveUp(refusal, reason, now + AFTER_MISMATCHES, now);
    }
  }

  /** RFC 8489 10: goes to the server that this one names; false when that can't be. */
  boolean redirect(Refusal refusal, long now) {
    StunMessage response = refusal.response();
    boolean authenticated = refusal.signed() || session.anonymous;
    if (response == null || !authenticated) {
      return false;
    }
    TransportAddress from = session.line().path.remote();
    for (TransportAddress each : response.all(AttributeType.ALTERNATE_SERVER)) {
      TransportAddress to = new TransportAddress(each.ip(), each.port(), from.transport());
      if (to.ip().family() == from.ip().family()
          && isServer(to, from)
          && !tried.containsKey(to)
          && tried.size() < MOST_REDIRECTIONS) {
        ports = 1;
        wishEverything();
        open(to, response.get(AttributeType.ALTERNATE_DOMAIN));
        return true;
      }
    }
    return false;
  }

  private static boolean isServer(TransportAddress to, TransportAddress from) {
    IpAddress ip = to.ip();
    return to.port() != 0
        && !ip.isUnspecified()
        && !ip.isMulticast()
        && !ip.isBroadcast()
        && (!ip.isLoopback() || from.ip().isLoopback());
  }

  private void giveUp(Refusal refusal, String reason, long retryAt, long now) {
    notBefore = retryAt == ProtocolMachine.NEVER ? notBefore : retryAt;
    session.outbox.event(
        new TurnEvent.Refused(refusal.failure(), refusal.error(), reason, retryAt));
    if (!configuration.reallocate || retryAt == ProtocolMachine.NEVER) {
      session.state = State.IDLE;
      session.closePath();
    } else if (refusal.failure() == Failure.UNREACHABLE || hasFallenSilent(refusal)) {
      reopen(retryAt, now);
    } else {
      askAt(retryAt, now);
    }
  }

  /** A stream over which no answer came is of no more use. */
  private boolean hasFallenSilent(Refusal refusal) {
    return refusal.failure() == Failure.TIMEOUT
        && session.line().path.local().transport() == Transport.TCP;
  }

  // changes from outside

  void credentialChanged(ClientAuthentication authentication) {
    nextAuthentication = authentication;
  }

  void tokenArrived(long now) {
    if (tokenWanted && session.state == State.WAITING) {
      resume(now);
    }
  }

  /** Whether the server may be making an allocation: only for a request that shows who we are, where that is asked. */
  boolean isUnderWay() {
    StunClient.Request current = request;
    return current != null && (current.isSigned() || session.anonymous);
  }

  void end() {
    session.cancel(timer);
    opening = null;
    request = null;
  }
}
