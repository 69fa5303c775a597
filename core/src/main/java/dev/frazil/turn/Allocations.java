package dev.frazil.turn;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.Allocation.Channel;
import dev.frazil.turn.Allocation.Permission;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.TurnServerEvent.EndReason;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;

/** The tables that the chapters of a {@link TurnServer} share, and the deadlines of all that is in them. */
final class Allocations {
  /** What a path leads to: one look-up for each packet of a client, and of a peer with a channel. */
  sealed interface Flow permits Allocation, Channel, Connections.Connection {}

  /** Something that ends by itself. */
  abstract static class Expiring extends DeadlineQueue.Entry {
    abstract void expire(long now);
  }

  /** RFC 8489 6.3.1: retransmissions of a request are answered alike for 40 s. */
  private static final long RETRANSMISSIONS = 40_000_000_000L;

  private static final int MOST_RELEASED = 4096;
  private static final int TICKET_LENGTH = 27; // nothing to pad in Base64

  /** The request that released an allocation. */
  private record Release(TransactionId id, String username, long until) {}

  final RandomGenerator random;
  final TurnServerOutbox outbox;
  final Map<FiveTuple, Flow> flows = new HashMap<>();
  final Map<TransportAddress, Relayed> relays = new HashMap<>();
  final Map<Long, Relayed> reservations = new HashMap<>();
  final Map<ByteBuffer, Allocation> tickets = new HashMap<>();
  final Map<Integer, Connections.Connection> connections = new HashMap<>();
  final Map<Long, Allocation> byId = new LinkedHashMap<>();
  final long[] dropped = new long[TurnServer.Drop.values().length];
  final Map<Integer, Long> refused = new HashMap<>();
  long answered;
  private TurnServer.Traffic ended = TurnServer.Traffic.NONE;

  private final DeadlineQueue<Expiring> deadlines = new DeadlineQueue<>();
  private final Map<FiveTuple, Release> released = new LinkedHashMap<>();
  private final Quotas ownQuotas;
  private long nextId;

  TurnServerConfiguration configuration;
  TurnQuotas quotas;
  RelayPorts ports;
  boolean draining;

  Allocations(TurnServerConfiguration configuration, TurnServerOutbox outbox) {
    this.configuration = configuration;
    this.random = configuration.random;
    this.outbox = outbox;
    nextId = ((long) configuration.shard << TurnServer.SHARD_BITS) + 1;
    ownQuotas = new Quotas(configuration.limits);
    quotas = configuration.quotas == null ? ownQuotas : configuration.quotas;
    ports = new RelayPorts(this, configuration.relays);
  }

  /** Goes on with other settings; what peers are refused now loses its permission (RFC 8656 21.1.4). */
  void reconfigure(TurnServerConfiguration value, long now) {
    configuration = value;
    ownQuotas.setLimits(value.limits);
    quotas = value.quotas == null ? ownQuotas : value.quotas;
    ports = new RelayPorts(this, value.relays);
    for (Relayed relayed : relays.values()) {
      ports.claim(relayed.local);
      for (Permission permission : relayed.permissions.values()) {
        PeerFilter.Verdict verdict = value.peerFilter.judge(permission.peer);
        if (!isReachable(verdict) || permission.own != (verdict == PeerFilter.Verdict.OWN)) {
          permission.revoke();
        }
      }
    }
  }

  private boolean isReachable(PeerFilter.Verdict verdict) {
    return verdict == PeerFilter.Verdict.PERMITTED
        || verdict == PeerFilter.Verdict.OWN && configuration.hairpin;
  }

  void schedule(Expiring entry, long deadline) {
    deadlines.schedule(entry, deadline);
  }

  void cancel(Expiring entry) {
    deadlines.cancel(entry);
  }

  void expire(long now) {
    Expiring due;
    while ((due = deadlines.poll(now)) != null) {
      due.expire(now);
    }
  }

  long nextDeadline() {
    return deadlines.nextDeadline();
  }

  int deadlineCount() {
    return deadlines.size();
  }

  int rowCount() {
    int permissions = 0;
    for (Relayed each : relays.values()) {
      permissions += each.permissions.size();
    }
    return byId.size()
        + flows.size()
        + relays.size()
        + permissions
        + reservations.size()
        + tickets.size()
        + connections.size()
        + released.size()
        + ownQuotas.ownerCount();
  }

  void drop(TurnServer.Drop reason) {
    dropped[reason.ordinal()]++;
  }

  long newId() {
    return nextId++;
  }

  /** An address that is open and has nobody yet. */
  Relayed relayed(TransportAddress local) {
    return new Relayed(this, local, ports.external(local));
  }

  /** Holds an address for whoever shows the token: 64 bits that nobody guesses, with the shard in the upper 8. */
  long reserve(TransportAddress local, TurnQuotas.Share share, long until) {
    long token;
    do {
      token = (long) configuration.shard << 56 | random.nextLong() >>> 8;
    } while (token == 0 || reservations.containsKey(token));
    Relayed reserved = relayed(local);
    reserved.reservation = token;
    reserved.share = share;
    reservations.put(token, reserved);
    relays.put(local, reserved);
    schedule(reserved, until);
    return token;
  }

  /** Gives a reserved address out. */
  Relayed redeem(long token) {
    Relayed reserved = Objects.requireNonNull(reservations.get(token));
    unreserve(reserved);
    return reserved;
  }

  private void unreserve(Relayed reserved) {
    if (reserved.share != null) {
      reservations.remove(reserved.reservation);
      reserved.share.release();
      reserved.share = null;
      reserved.reservation = 0;
    }
  }

  /** Whose ticket it is; -1 when it is nobody's. */
  static int shardOf(ByteBuffer ticket) {
    if (ticket.remaining() < 4) {
      return -1;
    }
    byte[] start = new byte[4];
    ticket.get(ticket.position(), start);
    try {
      return Base64.getUrlDecoder().decode(start)[0] & 0xFF;
    } catch (IllegalArgumentException e) {
      return -1;
    }
  }

  /**
   * A ticket for an allocation (RFC 8016 3.1): the shard, then 208 random bits, as text, because coturn's clients take it
   * for a string. It stands for a row of a table, so it tells nothing, and making one up is guessing.
   */
  ByteBuffer newTicket(Allocation allocation) {
    byte[] ticket = new byte[TICKET_LENGTH];
    random.nextBytes(ticket);
    ticket[0] = (byte) configuration.shard;
    ByteBuffer key = ByteBuffer.wrap(Base64.getUrlEncoder().encode(ticket)).asReadOnlyBuffer();
    tickets.put(key, allocation);
    return key;
  }

  /** Whether a peer may be there: the one question that every way to name a peer asks (RFC 8656 21.1.4). */
  boolean permits(TransportAddress peer) {
    return permitsIp(peer) && (peer.port() == 0 || permitsPort(peer));
  }

  private boolean permitsIp(TransportAddress peer) {
    return isReachable(configuration.peerFilter.judge(peer.ip()));
  }

  /** Whether datagrams may go to, and come from, this port of an IP address that has a permission. */
  boolean permitsPort(TransportAddress peer, Permission permission) {
    return configuration.peerFilter.permitsPort(peer.port())
        && (!permission.own || isRelayed(peer));
  }

  private boolean permitsPort(TransportAddress peer) {
    return configuration.peerFilter.permitsPort(peer.port()) && (!isOwn(peer) || isRelayed(peer));
  }

  boolean isOwn(TransportAddress peer) {
    return configuration.peerFilter.judge(peer.ip()) == PeerFilter.Verdict.OWN;
  }

  /** Whether it is a live relayed address, of this machine or another. */
  boolean isRelayed(TransportAddress peer) {
    TransportAddress bound = ports.wire(peer);
    Relayed relayed = relays.get(bound);
    return relayed != null && relayed.owner != null || configuration.relayedElsewhere.test(bound);
  }

  /** Takes a relayed address away, and its allocation with the last. */
  void remove(Relayed relayed, EndReason reason, long now) {
    Allocation owner = relayed.owner;
    relays.remove(relayed.local);
    cancel(relayed);
    unreserve(relayed);
    if (owner != null) {
      owner.connections().stream()
          .filter(connection -> connection.relayed == relayed)
          .forEach(connection -> connection.end(now));
      owner.channelsOf(relayed).forEach(channel -> unbind(channel, now));
      owner.relayed.remove(relayed);
    }
    relayed.permissions.values().forEach(this::cancel);
    relayed.permissions.clear();
    ports.close(relayed.local, now);
    if (owner != null && owner.relayed.isEmpty()) {
      end(owner, reason);
    }
  }

  /** Takes an allocation away with all it has. */
  void remove(Allocation allocation, EndReason reason, long now) {
    for (Relayed relayed : allocation.relayed.toArray(new Relayed[0])) {
      remove(relayed, reason, now);
    }
  }

  private void end(Allocation allocation, EndReason reason) {
    byId.remove(allocation.id);
    flows.remove(allocation.client);
    if (allocation.next != null) {
      flows.remove(allocation.next);
    }
    if (allocation.ticket != null) {
      tickets.remove(allocation.ticket);
    }
    if (allocation.nextTicket != null) {
      tickets.remove(allocation.nextTicket);
    }
    allocation.share.release();
    TurnServer.Traffic carried = allocation.traffic();
    ended = ended.plus(carried);
    outbox.event(new TurnServerEvent.AllocationEnded(
        allocation.id, allocation.creation.username(), reason, carried));
  }

  /** What all allocations carried, those that ended too. */
  TurnServer.Traffic traffic() {
    TurnServer.Traffic sum = ended;
    for (Allocation each : byId.values()) {
      sum = sum.plus(each.traffic());
    }
    return sum;
  }

  /** Frees a channel's number and peer. */
  void unbind(Channel channel, long now) {
    cancel(channel);
    flows.remove(channel.path, channel);
    channel.owner.setChannel(channel.number, null);
    channel.permission.channels--;
    if (!channel.permission.isActive(now)) { // run out, or revoked and still waiting for its time
      cancel(channel.permission);
      channel.permission.expire(now);
    }
  }

  /** Remembers which request released the allocation of a path, for its retransmissions. */
  void remember(FiveTuple path, TransactionId id, String username, long now) {
    released.remove(path);
    released.put(path, new Release(id, username, now + RETRANSMISSIONS));
    if (released.size() > MOST_RELEASED) {
      released.remove(released.keySet().iterator().next());
    }
  }

  boolean wasReleasedBy(FiveTuple path, TransactionId id, String username, long now) {
    Release release = released.get(path);
    return release != null
        && release.id().equals(id)
        && release.username().equals(username)
        && now < release.until();
  }
}
