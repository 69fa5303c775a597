package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.Allocation.Channel;
import dev.frazil.turn.Allocation.Permission;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.Authentication.Request;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** CreatePermission and ChannelBind requests (RFC 8656 10.2, 12.2): the only ones that let peers send to a client. */
final class Permissions {
  private static final int NOTHING_WRONG = 0;
  private static final long SECOND = 1_000_000_000L;
  /** RFC 8656 9: exactly. */
  private static final long PERMISSION_LIFETIME = 300 * SECOND;
  /** RFC 8656 12. */
  private static final long CHANNEL_LIFETIME = 600 * SECOND;

  /** The attribute as bytes: malformed ones count too. */
  private static final AttributeType<ByteBuffer> ANY_PEER =
      AttributeType.ofBytes(AttributeType.XOR_PEER_ADDRESS.code(), "XOR-PEER-ADDRESS", 0, 0xFFFF);

  private final Allocations allocations;

  Permissions(Allocations allocations) {
    this.allocations = allocations;
  }

  /** All or nothing (RFC 8656 10.2). */
  void createPermission(Request request, Allocation allocation) {
    Transport transport = allocation.isTcp() ? Transport.TCP : Transport.UDP;
    List<TransportAddress> peers = request.message.all(AttributeType.XOR_PEER_ADDRESS).stream()
        .map(peer -> new TransportAddress(peer.ip(), peer.port(), transport))
        .toList();
    int wrong = peers.isEmpty() || peers.size() < request.message.all(ANY_PEER).size()
        ? ErrorCode.BAD_REQUEST
        : check(allocation, peers);
    if (wrong != NOTHING_WRONG) {
      request.fail(wrong);
      return;
    }
    for (TransportAddress peer : peers) {
      install(allocation, relayed(allocation, peer), peer, request.now);
    }
    request.succeed(request.success());
  }

  /** The order of RFC 8656 10.2, over all peers: family, policy, capacity. */
  private int check(Allocation allocation, List<TransportAddress> peers) {
    for (TransportAddress peer : peers) {
      if (allocation.relayed(peer.ip().family()) == null) {
        return ErrorCode.PEER_ADDRESS_FAMILY_MISMATCH;
      }
    }
    Map<IpAddress, Boolean> fresh = new HashMap<>();
    for (TransportAddress peer : peers) {
      if (!allocations.permits(peer)) {
        allocations.outbox.event(new TurnServerEvent.PeerRefused(allocation.id, peer));
        return ErrorCode.FORBIDDEN;
      } else if (!relayed(allocation, peer).permissions.containsKey(peer.ip())) {
        fresh.put(peer.ip(), true);
      }
    }
    return allocation.permissionCount() + fresh.size() > allocations.configuration.permissions
        ? ErrorCode.INSUFFICIENT_CAPACITY
        : NOTHING_WRONG;
  }

  private static Relayed relayed(Allocation allocation, TransportAddress peer) {
    return Objects.requireNonNull(allocation.relayed(peer.ip().family()));
  }

  private Permission install(
      Allocation allocation, Relayed relayed, TransportAddress peer, long now) {
    Permission permission = relayed.permissions.get(peer.ip());
    if (permission == null) {
      permission = new Permission(relayed, peer.ip(), allocations.isOwn(peer));
      relayed.permissions.put(peer.ip(), permission);
    }
    if (!permission.isActive(now)) {
      allocations.outbox.event(new TurnServerEvent.PermissionCreated(allocation.id, peer.ip()));
    }
    permission.activate(now + PERMISSION_LIFETIME);
    allocations.schedule(permission, now + PERMISSION_LIFETIME);
    return permission;
  }

  void channelBind(Request request, Allocation allocation) {
    StunMessage message = request.message;
    TransportAddress peer = message.get(AttributeType.XOR_PEER_ADDRESS);
    int number = message.intValue(AttributeType.CHANNEL_NUMBER, 0);
    boolean inRange =
        number >= ChannelData.FIRST_CHANNEL && number <= allocations.configuration.lastChannel;
    if (peer == null || !inRange || allocation.isTcp()) {
      request.fail(ErrorCode.BAD_REQUEST);
      return;
    }
    Relayed relayed = allocation.relayed(peer.ip().family());
    Channel ofNumber = allocation.channel(number);
    Channel ofPeer = relayed == null ? null : channelOf(relayed, peer);
    int wrong = ofNumber != ofPeer || ofNumber != null && !ofNumber.peer.equals(peer)
        ? ErrorCode.BAD_REQUEST
        : checkChannel(allocation, peer, ofNumber);
    if (wrong != NOTHING_WRONG || relayed == null) {
      request.fail(wrong);
      return;
    }
    bind(allocation, relayed, number, peer, ofNumber, request.now);
    request.succeed(request.success());
  }

  private int checkChannel(
      Allocation allocation, TransportAddress peer, @Nullable Channel present) {
    int wrong = check(allocation, List.of(peer));
    if (wrong == NOTHING_WRONG && peer.port() == 0) {
      return ErrorCode.FORBIDDEN;
    }
    boolean full = present == null && allocation.channelCount >= allocations.configuration.channels;
    return wrong == NOTHING_WRONG && full ? ErrorCode.INSUFFICIENT_CAPACITY : wrong;
  }

  private @Nullable Channel channelOf(Relayed relayed, TransportAddress peer) {
    return relayed.local.transport() == Transport.UDP
            && allocations.flows.get(path(relayed, peer)) instanceof Channel channel
        ? channel
        : null;
  }

  private FiveTuple path(Relayed relayed, TransportAddress peer) {
    return new FiveTuple(relayed.local, allocations.ports.wire(peer));
  }

  private void bind(
      Allocation allocation,
      Relayed relayed,
      int number,
      TransportAddress peer,
      @Nullable Channel present,
      long now) {
    Permission permission = install(allocation, relayed, peer, now);
    Channel channel = present;
    if (channel == null) {
      channel = new Channel(
          allocations, relayed, allocation, number, peer, path(relayed, peer), permission);
      permission.channels++;
      allocation.setChannel(number, channel);
      allocations.flows.put(channel.path, channel);
      allocations.outbox.event(new TurnServerEvent.ChannelBound(allocation.id, number, peer));
    }
    channel.bind(now + CHANNEL_LIFETIME);
    allocations.schedule(channel, now + CHANNEL_LIFETIME);
  }
}
