package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a client has on this server (RFC 8656 3.2): one relayed address or one of each family, with their permissions, and
 * its channels. Passwords and keys are not kept.
 */
final class Allocation implements Allocations.Flow {
  private static final int PAGE_BITS = 6;
  private static final int PAGE = 1 << PAGE_BITS;

  /** Who made it, and how: what a retransmission of that request is told again. */
  record Creation(
      TransactionId id,
      String username,
      String realm,
      long lifetime,
      long reservation,
      @Nullable AddressErrorCode error) {}

  final long id;
  final Creation creation;
  final TurnQuotas.Share share;
  final List<Relayed> relayed = new ArrayList<>(2);
  FiveTuple client;

  /** Where a moving client is expected next (RFC 8016 3.2); null most of the time. */
  @Nullable FiveTuple next;

  /** The ticket of the client's present address, and the one for when it has moved on; null without mobility. */
  @Nullable ByteBuffer ticket;

  @Nullable ByteBuffer nextTicket;

  @Nullable TransactionId lastMove;

  /** TCP connections with peers (RFC 6062), by connection ID; null until there is one. */
  @Nullable Map<Integer, Connections.Connection> connections;

  long packetsToPeers;
  long bytesToPeers;
  long packetsToClient;
  long bytesToClient;
  int channelCount;

  /** Pages, so that a look-up is two array accesses and an allocation without channels has none. */
  private Channel @Nullable [] @Nullable [] channels;

  Allocation(long id, Creation creation, FiveTuple client, TurnQuotas.Share share) {
    this.id = id;
    this.creation = creation;
    this.client = client;
    this.share = share;
  }

  /** The relayed address of a family, 4 or 6; null when there is none. */
  @Nullable Relayed relayed(int family) {
    for (Relayed each : relayed) {
      if (each.local.ip().family() == family) {
        return each;
      }
    }
    return null;
  }

  boolean isTcp() {
    return relayed.get(0).local.transport() == Transport.TCP;
  }

  boolean isOf(String username, String realm) {
    return creation.username().equals(username) && creation.realm().equals(realm);
  }

  int permissionCount() {
    int count = 0;
    for (Relayed each : relayed) {
      count += each.permissions.size();
    }
    return count;
  }

  /** The ticket that was given last, where there is one. */
  ByteBuffer newestTicket() {
    return Objects.requireNonNull(nextTicket == null ? ticket : nextTicket);
  }

  TurnServer.Traffic traffic() {
    return new TurnServer.Traffic(packetsToPeers, bytesToPeers, packetsToClient, bytesToClient);
  }

  /** The channel of this number; null when it is not bound. */
  @Nullable Channel channel(int number) {
    int index = number - ChannelData.FIRST_CHANNEL;
    int at = index >> PAGE_BITS;
    Channel @Nullable [] page = channels == null || at >= channels.length ? null : channels[at];
    return page == null ? null : page[index & PAGE - 1];
  }

  void setChannel(int number, @Nullable Channel channel) {
    int index = number - ChannelData.FIRST_CHANNEL;
    int at = index >> PAGE_BITS;
    if (channels == null) {
      channels = new Channel[at + 1][];
    } else if (at >= channels.length) {
      channels = Arrays.copyOf(channels, at + 1);
    }
    Channel @Nullable [] page = channels[at];
    if (page == null) {
      page = new Channel[PAGE];
      channels[at] = page;
    }
    channelCount += (channel == null ? 0 : 1) - (page[index & PAGE - 1] == null ? 0 : 1);
    page[index & PAGE - 1] = channel;
  }

  /** The channels of a relayed address. */
  List<Channel> channelsOf(Relayed owner) {
    List<Channel> found = new ArrayList<>();
    for (Channel @Nullable [] page : channels == null ? new Channel[0][] : channels) {
      for (Channel channel : page == null ? new Channel[0] : page) {
        if (channel != null && channel.relayed == owner) {
          found.add(channel);
        }
      }
    }
    return found;
  }

  Collection<Connections.Connection> connections() {
    return connections == null ? List.of() : List.copyOf(connections.values());
  }

  /** A relayed transport address: an allocation's, or reserved for one (RFC 8656 7.2, EVEN-PORT). */
  static final class Relayed extends Allocations.Expiring {
    private final Allocations allocations;
    final TransportAddress local;
    final TransportAddress external;
    final Map<IpAddress, Permission> permissions = new HashMap<>(4);
    /** Null while the address is but reserved. */
    @Nullable Allocation owner;
    /** The token that reserves it, and what it counts against; 0 and null once it is allocated. */
    long reservation;

    TurnQuotas.@Nullable Share share;

    Relayed(Allocations allocations, TransportAddress local, TransportAddress external) {
      this.allocations = allocations;
      this.local = local;
      this.external = external;
    }

    /** The permission of a peer, if it is active. */
    @Nullable Permission permission(IpAddress peer, long now) {
      Permission permission = permissions.get(peer);
      return permission == null || !permission.isActive(now) ? null : permission;
    }

    @Override
    void expire(long now) {
      allocations.remove(this, TurnServerEvent.EndReason.EXPIRED, now);
    }
  }

  /** That a peer's IP address may send to the client (RFC 8656 9). Channels keep it when it has run out. */
  static final class Permission extends Allocations.Expiring {
    private final Relayed relayed;
    final IpAddress peer;
    /** Whether the peer is on an address of this server: then its port matters too. */
    final boolean own;

    int channels;
    private long until;

    Permission(Relayed relayed, IpAddress peer, boolean own) {
      this.relayed = relayed;
      this.peer = peer;
      this.own = own;
    }

    void activate(long deadline) {
      until = deadline;
    }

    void revoke() {
      until = 0;
    }

    boolean isActive(long now) {
      return now < until;
    }

    @Override
    void expire(long now) {
      if (channels == 0) {
        relayed.permissions.remove(peer, this);
      }
    }
  }

  /** A number instead of a peer's transport address (RFC 8656 12). */
  static final class Channel extends Allocations.Expiring implements Allocations.Flow {
    final Allocation owner;
    final Relayed relayed;
    final int number;
    /** The peer as the client knows it. */
    final TransportAddress peer;
    /** From the relayed address to the peer, as packets have it. */
    final FiveTuple path;

    final Permission permission;
    private final Allocations allocations;
    private long until;

    Channel(
        Allocations allocations,
        Relayed relayed,
        Allocation owner,
        int number,
        TransportAddress peer,
        FiveTuple path,
        Permission permission) {
      this.allocations = allocations;
      this.relayed = relayed;
      this.owner = owner;
      this.number = number;
      this.peer = peer;
      this.path = path;
      this.permission = permission;
    }

    void bind(long deadline) {
      until = deadline;
    }

    /** Whether data may pass: a channel implies a permission, which may have run out before (RFC 8656 12). */
    boolean isOpen(long now) {
      return now < until && permission.isActive(now);
    }

    boolean isBound(long now) {
      return now < until;
    }

    @Override
    void expire(long now) {
      allocations.unbind(this, now);
    }
  }
}
