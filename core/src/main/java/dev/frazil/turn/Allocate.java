package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.Allocation.Creation;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.Authentication.Request;
import dev.frazil.turn.RelayPorts.Wanted;
import dev.frazil.turn.TurnServerConfiguration.Alternate;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Allocate requests (RFC 8656 7.2). The checks stand in the order of the RFC; where it leaves one open, malformed
 * requests are told so first, then comes redirection (300), the user's quota (486) and at last what the server has (508).
 */
final class Allocate {
  private static final int NOTHING_WRONG = 0;
  private static final int UDP = 17;
  private static final int TCP = 6;
  private static final int IPV4 = 1;
  private static final int IPV6 = 2;
  private static final long SECOND = 1_000_000_000L;
  /** RFC 8656 7.2: a reservation is held for 30 s at least. */
  private static final long RESERVATION = 30 * SECOND;

  private final Allocations allocations;

  Allocate(Allocations allocations) {
    this.allocations = allocations;
  }

  /** Answers a request from a path that has this allocation, or none. */
  void handle(Request request, @Nullable Allocation present) {
    if (present != null) {
      boolean again = present.creation.id().equals(request.id())
          && present.isOf(request.username(), request.realm());
      if (again) {
        answer(request, present);
      } else {
        request.fail(ErrorCode.ALLOCATION_MISMATCH);
      }
      return;
    }
    int wrong = check(request.message, request.path);
    if (wrong == ErrorCode.UNKNOWN_ATTRIBUTE) {
      request.failUnknown(AttributeType.DONT_FRAGMENT.code());
    } else if (wrong != NOTHING_WRONG) {
      request.fail(wrong);
    } else if (!redirect(request)) {
      create(request);
    }
  }

  private int check(StunMessage message, FiveTuple path) {
    int transport = message.intValue(AttributeType.REQUESTED_TRANSPORT, -1);
    if (transport < 0) {
      return ErrorCode.BAD_REQUEST;
    } else if (transport != UDP && !(transport == TCP && allocations.configuration.tcp)) {
      return ErrorCode.UNSUPPORTED_TRANSPORT_PROTOCOL;
    }
    boolean hasToken = message.has(AttributeType.RESERVATION_TOKEN);
    boolean hasEvenPort = message.has(AttributeType.EVEN_PORT);
    boolean dontFragment = message.has(AttributeType.DONT_FRAGMENT);
    if (transport == TCP
        && (path.local().transport() != Transport.TCP || hasToken || hasEvenPort || dontFragment)) {
      return ErrorCode.BAD_REQUEST; // RFC 6062 5.1
    } else if (dontFragment && !allocations.configuration.dontFragment) {
      return ErrorCode.UNKNOWN_ATTRIBUTE;
    }
    if (hasToken) {
      return checkReservation(message, hasEvenPort);
    }
    int wrong = checkFamilies(message);
    return wrong != NOTHING_WRONG ? wrong : checkRest(message);
  }

  private int checkReservation(StunMessage message, boolean hasEvenPort) {
    if (message.isMalformed(AttributeType.RESERVATION_TOKEN)
        || hasEvenPort
        || message.has(AttributeType.REQUESTED_ADDRESS_FAMILY)
        || message.has(additionalFamily(message))) {
      return ErrorCode.BAD_REQUEST;
    }
    long token = message.longValue(AttributeType.RESERVATION_TOKEN, 0);
    return allocations.reservations.containsKey(token)
        ? checkRest(message)
        : ErrorCode.INSUFFICIENT_CAPACITY;
  }

  private static AttributeType<Integer> additionalFamily(StunMessage message) {
    return message.has(AttributeType.ADDITIONAL_ADDRESS_FAMILY)
        ? AttributeType.ADDITIONAL_ADDRESS_FAMILY
        : AttributeType.DRAFT_ADDITIONAL_ADDRESS_FAMILY;
  }

  private int checkFamilies(StunMessage message) {
    boolean requested = message.has(AttributeType.REQUESTED_ADDRESS_FAMILY);
    boolean additional = message.has(additionalFamily(message));
    int family = message.intValue(AttributeType.REQUESTED_ADDRESS_FAMILY, requested ? 0 : IPV4);
    if (requested && additional || family != IPV4 && family != IPV6) {
      return ErrorCode.BAD_REQUEST;
    } else if (!additional && !allocations.ports.hasFamily(version(family))) {
      return ErrorCode.ADDRESS_FAMILY_NOT_SUPPORTED;
    }
    if (message.isMalformed(AttributeType.EVEN_PORT)
        || additional && Boolean.TRUE.equals(message.get(AttributeType.EVEN_PORT))) {
      return ErrorCode.BAD_REQUEST;
    }
    boolean isIpv6 = message.intValue(additionalFamily(message), 0) == IPV6;
    return additional && !isIpv6 ? ErrorCode.BAD_REQUEST : NOTHING_WRONG;
  }

  private int checkRest(StunMessage message) {
    if (message.isMalformed(AttributeType.LIFETIME)) {
      return ErrorCode.BAD_REQUEST;
    }
    ByteBuffer ticket = message.get(AttributeType.MOBILITY_TICKET);
    if (ticket == null) {
      return NOTHING_WRONG;
    } else if (ticket.hasRemaining()) {
      return ErrorCode.BAD_REQUEST; // RFC 8016 3.1
    }
    return allocations.configuration.mobility ? NOTHING_WRONG : ErrorCode.MOBILITY_FORBIDDEN;
  }

  private static int version(int family) {
    return family == IPV4 ? 4 : 6;
  }

  /** RFC 8489 10 and 14.8: only those who proved who they are may be sent elsewhere. */
  private boolean redirect(Request request) {
    Alternate alternate = allocations.configuration.redirection.apply(request.path);
    if (alternate == null) {
      return false;
    } else if (!request.isAuthenticated()) {
      request.fail(ErrorCode.BAD_REQUEST);
      return true;
    }
    TransportAddress first = alternate.server();
    TransportAddress second = alternate.other();
    if (second != null && first.ip().family() != request.path.remote().ip().family()) {
      first = second;
      second = alternate.server();
    }
    StunBuilder response = request.error(ErrorCode.TRY_ALTERNATE);
    response.put(AttributeType.ALTERNATE_SERVER, first);
    if (second != null) {
      response.put(AttributeType.ALTERNATE_SERVER, second);
    }
    if (alternate.domain() != null) {
      response.put(AttributeType.ALTERNATE_DOMAIN, alternate.domain());
    }
    request.refuse(ErrorCode.TRY_ALTERNATE, response);
    return true;
  }

  private void create(Request request) {
    if (allocations.draining || allocations.quotas.isFull()) {
      request.fail(ErrorCode.INSUFFICIENT_CAPACITY);
      return;
    }
    TurnQuotas.Share share = allocations.quotas.take(request.owner());
    boolean reserves = Boolean.TRUE.equals(request.message.get(AttributeType.EVEN_PORT));
    TurnQuotas.Share another =
        share != null && reserves ? allocations.quotas.take(request.owner()) : null;
    if (share == null || reserves && another == null) {
      if (share != null) {
        share.release();
      }
      request.fail(ErrorCode.ALLOCATION_QUOTA_REACHED);
      return;
    }
    Opened opened = open(request, another);
    if (opened.relayed().isEmpty()) {
      share.release();
      if (another != null) {
        another.release();
      }
      request.fail(ErrorCode.INSUFFICIENT_CAPACITY);
      return;
    }
    Creation creation = new Creation(
        request.id(),
        request.username(),
        request.realm(),
        lifetime(request),
        opened.reservation(),
        opened.error());
    add(request, opened, new Allocation(allocations.newId(), creation, request.path, share));
  }

  private void add(Request request, Opened opened, Allocation allocation) {
    for (Relayed relayed : opened.relayed()) {
      relayed.owner = allocation;
      allocation.relayed.add(relayed);
      allocations.relays.put(relayed.local, relayed);
      allocations.schedule(relayed, request.now + allocation.creation.lifetime() * SECOND);
    }
    allocations.flows.put(allocation.client, allocation);
    allocations.byId.put(allocation.id, allocation);
    if (request.message.has(AttributeType.MOBILITY_TICKET)) {
      allocation.ticket = allocations.newTicket(allocation);
    }
    allocations.outbox.event(new TurnServerEvent.AllocationCreated(
        allocation.id,
        allocation.creation.username(),
        allocation.client,
        allocation.relayed.stream().map(each -> each.external).toList()));
    answer(request, allocation);
  }

  private void answer(Request request, Allocation allocation) {
    Creation creation = allocation.creation;
    StunBuilder response = request.success();
    for (Relayed relayed : allocation.relayed) {
      response.put(AttributeType.XOR_RELAYED_ADDRESS, relayed.external);
    }
    response.put(AttributeType.LIFETIME, (int) creation.lifetime());
    if (creation.reservation() != 0) {
      response.put(AttributeType.RESERVATION_TOKEN, creation.reservation());
    }
    if (creation.error() != null) {
      response.put(AttributeType.ADDRESS_ERROR_CODE, creation.error());
    }
    response.put(AttributeType.XOR_MAPPED_ADDRESS, request.path.remote());
    if (allocation.ticket != null) {
      response.put(AttributeType.MOBILITY_TICKET, allocation.ticket);
    }
    request.succeed(response);
  }

  /** What could be opened; nothing when the list is empty. */
  private record Opened(
      List<Relayed> relayed, long reservation, @Nullable AddressErrorCode error) {}

  private Opened open(Request request, TurnQuotas.@Nullable Share ofReservation) {
    StunMessage message = request.message;
    if (message.has(AttributeType.RESERVATION_TOKEN)) {
      long token = message.longValue(AttributeType.RESERVATION_TOKEN, 0);
      return new Opened(List.of(allocations.redeem(token)), 0, null);
    }
    Boolean evenPort = message.get(AttributeType.EVEN_PORT);
    Wanted wanted = evenPort == null ? Wanted.ANY : evenPort ? Wanted.PAIR : Wanted.EVEN;
    boolean isTcp = message.intValue(AttributeType.REQUESTED_TRANSPORT, 0) == TCP;
    Transport transport = isTcp ? Transport.TCP : Transport.UDP;
    if (message.has(additionalFamily(message))) {
      return openBoth(transport, wanted, request.now);
    }
    int family = message.intValue(AttributeType.REQUESTED_ADDRESS_FAMILY, IPV4);
    List<TransportAddress> locals =
        allocations.ports.open(version(family), transport, wanted, request.now);
    if (locals.isEmpty()) {
      return new Opened(List.of(), 0, null);
    }
    long token = ofReservation == null
        ? 0
        : allocations.reserve(locals.get(1), ofReservation, request.now + RESERVATION);
    return new Opened(List.of(allocations.relayed(locals.get(0))), token, null);
  }

  /** RFC 8656 7.2: what one family lacks is told beside what the other has. */
  private Opened openBoth(Transport transport, Wanted wanted, long now) {
    List<Relayed> relayed = new ArrayList<>(2);
    AddressErrorCode error = null;
    for (int family = IPV4; family <= IPV6; family++) {
      List<TransportAddress> locals =
          allocations.ports.open(version(family), transport, wanted, now);
      if (locals.isEmpty()) {
        int code = allocations.ports.hasFamily(version(family))
            ? ErrorCode.INSUFFICIENT_CAPACITY
            : ErrorCode.ADDRESS_FAMILY_NOT_SUPPORTED;
        error = new AddressErrorCode(family, ErrorCode.of(code));
      } else {
        relayed.add(allocations.relayed(locals.get(0)));
      }
    }
    return new Opened(relayed, 0, error);
  }

  /** Lifetime in seconds: the default at least, the maximum at most, the token's in any case. */
  long lifetime(Request request) {
    long asked = request.message.intValue(AttributeType.LIFETIME, 0) & 0xFFFF_FFFFL;
    TurnServerConfiguration limits = allocations.configuration;
    long granted = Math.max(limits.defaultLifetime, Math.min(asked, limits.longestLifetime));
    return Math.min(granted, request.tokenSeconds());
  }
}
