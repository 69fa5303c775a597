package dev.frazil.turn;

import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.Authentication.Request;
import dev.frazil.turn.TurnServerEvent.EndReason;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Refresh requests (RFC 8656 8.2), and clients that move (RFC 8016 3.2). */
final class Refresh {
  private static final long SECOND = 1_000_000_000L;

  private final Allocations allocations;
  private final Allocate allocate;

  Refresh(Allocations allocations, Allocate allocate) {
    this.allocations = allocations;
    this.allocate = allocate;
  }

  void handle(Request request, @Nullable Allocation present) {
    ByteBuffer ticket = request.message.get(AttributeType.MOBILITY_TICKET);
    boolean again = present != null && request.id().equals(present.lastMove);
    boolean byTicket = ticket != null && !again;
    Allocation allocation = byTicket ? allocations.tickets.get(ticket) : present;
    if (byTicket && present != null && present != allocation) {
      request.fail(ErrorCode.BAD_REQUEST); // this path has an allocation of its own
    } else if (allocation == null) {
      none(request);
    } else if (!allocation.isOf(request.username(), request.realm())) {
      request.fail(ErrorCode.WRONG_CREDENTIALS);
    } else {
      refresh(request, allocation, byTicket && present == null);
    }
  }

  /** A released allocation is gone; the retransmission of the request that released it is told so again. */
  private void none(Request request) {
    if (allocations.wasReleasedBy(request.path, request.id(), request.username(), request.now)) {
      request.succeed(request.success().put(AttributeType.LIFETIME, 0));
    } else {
      request.fail(ErrorCode.ALLOCATION_MISMATCH);
    }
  }

  private void refresh(Request request, Allocation allocation, boolean moves) {
    StunMessage message = request.message;
    boolean oneFamily = message.has(AttributeType.REQUESTED_ADDRESS_FAMILY);
    int family = message.intValue(AttributeType.REQUESTED_ADDRESS_FAMILY, 0);
    Relayed only = !oneFamily ? null : allocation.relayed(family == 1 ? 4 : 6);
    if (message.isMalformed(AttributeType.LIFETIME) || oneFamily && family != 1 && family != 2) {
      request.fail(ErrorCode.BAD_REQUEST);
    } else if (oneFamily && only == null) {
      request.fail(ErrorCode.PEER_ADDRESS_FAMILY_MISMATCH);
    } else {
      List<Relayed> which = only == null ? List.copyOf(allocation.relayed) : List.of(only);
      apply(request, allocation, which, moves);
    }
  }

  private void apply(Request request, Allocation allocation, List<Relayed> which, boolean moves) {
    boolean ends = request.message.intValue(AttributeType.LIFETIME, -1) == 0;
    long lifetime = ends ? 0 : allocate.lifetime(request);
    StunBuilder response = request.success().put(AttributeType.LIFETIME, (int) lifetime);
    if (ends) {
      if (which.size() == allocation.relayed.size()) {
        allocations.remember(request.path, request.id(), request.username(), request.now);
      }
      which.forEach(each -> allocations.remove(each, EndReason.RELEASED, request.now));
    } else {
      which.forEach(each -> allocations.schedule(each, request.now + lifetime * SECOND));
      if (moves) {
        move(request, allocation);
      }
      if (request.id().equals(allocation.lastMove)) {
        response.put(AttributeType.MOBILITY_TICKET, allocation.newestTicket());
      }
    }
    request.succeed(response);
  }

  /** RFC 8016 3.2: the old path stays until data comes in on the new one. */
  private void move(Request request, Allocation allocation) {
    if (allocation.next != null) {
      allocations.flows.remove(allocation.next);
      allocations.tickets.remove(allocation.newestTicket());
    }
    allocation.next = request.path;
    allocation.lastMove = request.id();
    allocation.nextTicket = allocations.newTicket(allocation);
    allocations.flows.put(request.path, allocation);
  }
}
