package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.Allocation.Channel;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.Authentication.Request;
import dev.frazil.turn.Connections.Connection;
import dev.frazil.turn.TurnServerEvent.EndReason;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A TURN server (RFC 8656), with STUN Binding (RFC 8489 12), TCP allocations (RFC 6062), mobility (RFC 8016) and
 * third-party authorization (RFC 7635) where the configuration turns them on.
 *
 * <p>Datagrams of clients and of peers come in by the same {@link #handleDatagram}; the path's local address tells them
 * apart, so listening addresses and relayed addresses must not meet. Of a stream, each message is handed in by itself.
 *
 * <pre>{@code
 * TurnServerConfiguration configuration = TurnServerConfiguration.builder(secureRandom)
 *     .realm("example.org", accounts)
 *     .relay(TurnServerConfiguration.Relay.of(ip))
 *     .build();
 * TurnServer server = new TurnServer(configuration, outbox);
 * }</pre>
 */
public final class TurnServer implements ProtocolMachine {
  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.USERNAME,
      AttributeType.USERHASH,
      AttributeType.REALM,
      AttributeType.NONCE,
      AttributeType.PASSWORD_ALGORITHM,
      AttributeType.CHANNEL_NUMBER,
      AttributeType.LIFETIME,
      AttributeType.XOR_PEER_ADDRESS,
      AttributeType.DATA,
      AttributeType.XOR_RELAYED_ADDRESS,
      AttributeType.REQUESTED_ADDRESS_FAMILY,
      AttributeType.EVEN_PORT,
      AttributeType.REQUESTED_TRANSPORT,
      AttributeType.DONT_FRAGMENT,
      AttributeType.RESERVATION_TOKEN,
      AttributeType.XOR_MAPPED_ADDRESS,
      AttributeType.MAPPED_ADDRESS,
      AttributeType.ERROR_CODE,
      AttributeType.UNKNOWN_ATTRIBUTES);

  private static final AttributeSet UNDERSTOOD_WITH_TOKENS =
      UNDERSTOOD.and(AttributeType.ACCESS_TOKEN);
  private static final AttributeSet UNDERSTOOD_IN_CONNECTION_BIND =
      UNDERSTOOD_WITH_TOKENS.and(AttributeType.CONNECTION_ID);

  /** Why something that came in had no effect and no answer. */
  public enum Drop {
    /** Neither STUN nor ChannelData. */
    NOT_STUN,
    /** A response, or an indication that is not a client's to send. */
    UNEXPECTED_STUN,
    BAD_FINGERPRINT,
    /** Port 0, or an address that nobody can be at, or one of this server's. */
    UNANSWERABLE_SOURCE,
    /** A client at a 6to4 or Teredo address (RFC 8656 21.4). */
    TUNNELLED_SOURCE,
    /** Too many errors to unknown senders, from a source or in all. */
    RATE_LIMIT,
    /** The response would be too long for somebody who may not be there. */
    AMPLIFICATION,
    /** A Send indication or ChannelData of a client without an allocation. */
    NO_ALLOCATION,
    /** A Send indication without peer or data, or with something not understood. */
    BAD_INDICATION,
    /** ChannelData with an impossible number, or shorter than it says. */
    BAD_CHANNEL_DATA,
    /** ChannelData on a number that is not bound. */
    NO_CHANNEL,
    /** To or from a peer without an active permission. */
    NO_PERMISSION,
    /** To or from a port that the filter refuses. */
    PEER_REFUSED,
    /** Over the user's or the server's bandwidth. */
    BANDWIDTH,
    /** A peer's datagram that no Data indication can hold. */
    TOO_LONG
  }

  /** What an allocation carried, or several together: payloads, without headers. */
  public record Traffic(
      long packetsToPeers, long bytesToPeers, long packetsToClient, long bytesToClient) {
    /** Nothing. */
    public static final Traffic NONE = new Traffic(0, 0, 0, 0);

    /** Both together. */
    public Traffic plus(Traffic other) {
      return new Traffic(
          packetsToPeers + other.packetsToPeers,
          bytesToPeers + other.bytesToPeers,
          packetsToClient + other.packetsToClient,
          bytesToClient + other.bytesToClient);
    }
  }

  /**
   * An allocation as it is now.
   *
   * @param id unique within the machine, and among all shards; see {@link TurnServer#end}
   * @param client its path as this host sees it
   * @param relayed what the client was told
   */
  public record Session(
      long id,
      String username,
      FiveTuple client,
      List<TransportAddress> relayed,
      int permissions,
      int channels,
      int connections,
      Traffic traffic) {}

  /**
   * What the server has and did so far.
   *
   * @param allocations there are now
   * @param reservations there are now
   * @param rows of all tables together: what the server remembers
   * @param deadlines how much of that, and how many resting ports, wait for their time
   * @param answered success responses
   * @param refused error responses, by code
   * @param dropped what had no answer, by reason
   * @param traffic of all allocations, those that ended too
   * @param binding of Binding requests
   */
  public record Statistics(
      int allocations,
      int reservations,
      int rows,
      int deadlines,
      long answered,
      Map<Integer, Long> refused,
      Map<Drop, Long> dropped,
      Traffic traffic,
      BindingServer.Statistics binding) {
    /** Both together. */
    public Statistics plus(Statistics other) {
      return new Statistics(
          allocations + other.allocations,
          reservations + other.reservations,
          rows + other.rows,
          deadlines + other.deadlines,
          answered + other.answered,
          sum(refused, other.refused),
          sum(dropped, other.dropped),
          traffic.plus(other.traffic),
          new BindingServer.Statistics(
              binding.answered() + other.binding.answered(),
              binding.refused() + other.binding.refused(),
              sum(binding.dropped(), other.binding.dropped())));
    }

    private static <K> Map<K, Long> sum(Map<K, Long> one, Map<K, Long> other) {
      Map<K, Long> sum = new HashMap<>(one);
      other.forEach((key, count) -> sum.merge(key, count, Long::sum));
      return Map.copyOf(sum);
    }
  }

  /** Where the shard stands in an allocation's number. */
  static final int SHARD_BITS = 40;

  private final TurnServerOutbox outbox;
  private final Allocations allocations;
  private final Allocate allocate;
  private final Refresh refresh;
  private final Permissions permissions;
  private final Relay relay;
  private final Connections connections;
  private Authentication authentication;
  private BindingServer binding;

  /** A server that has no socket open yet. */
  public TurnServer(TurnServerConfiguration configuration, TurnServerOutbox outbox) {
    this.outbox = outbox;
    allocations = new Allocations(configuration, outbox);
    allocate = new Allocate(allocations);
    refresh = new Refresh(allocations, allocate);
    permissions = new Permissions(allocations);
    relay = new Relay(allocations);
    connections = new Connections(allocations);
    authentication = new Authentication(allocations);
    binding = new BindingServer(configuration.binding, null, configuration.random, outbox);
  }

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {
    Allocations.Flow flow = allocations.flows.get(path);
    if (flow instanceof Channel channel) {
      relay.fromPeer(channel, datagram, now);
    } else if (flow instanceof Allocation allocation) {
      if (isChannelData(datagram)) {
        relay.fromClient(allocation, path, datagram, now);
      } else {
        fromClient(path, allocation, datagram, now);
      }
    } else if (flow == null) {
      Relayed relayed = allocations.relays.get(path.local());
      if (relayed != null) {
        relay.fromPeer(relayed, path.remote(), datagram, now);
      } else if (isChannelData(datagram)) {
        allocations.drop(Drop.NO_ALLOCATION);
      } else {
        fromClient(path, null, datagram, now);
      }
    } else {
      allocations.drop(Drop.UNEXPECTED_STUN); // a pipe's bytes do not pass here
    }
  }

  private static boolean isChannelData(ByteBuffer datagram) {
    return datagram.hasRemaining() && datagram.get(datagram.position()) >> 6 == 1;
  }

  /** What is not ChannelData, of a client that has this allocation or none. */
  private void fromClient(
      FiveTuple path, @Nullable Allocation allocation, ByteBuffer datagram, long now) {
    if (allocations.configuration.bindingOnly) {
      binding.handleDatagram(path, datagram, now);
      return;
    }
    StunMessage message = StunMessage.tryParse(datagram);
    Drop drop = message == null ? null : reasonToDrop(path, message);
    if (drop != null) {
      allocations.drop(drop);
    } else if (message == null || message.is(MessageClass.REQUEST, Method.BINDING)) {
      if (message == null) {
        allocations.drop(Drop.NOT_STUN);
      }
      binding.handleDatagram(path, datagram, now); // which knows RFC 3489 too
    } else if (message.messageClass() == MessageClass.REQUEST) {
      allocations.expire(now); // so that an answer does not depend on how punctual timers are
      handleRequest(path, message, now);
    } else if (allocation == null) {
      allocations.drop(Drop.NO_ALLOCATION);
    } else {
      relay.send(allocation, path, message, now);
    }
  }

  private @Nullable Drop reasonToDrop(FiveTuple path, StunMessage message) {
    TransportAddress source = path.remote();
    IpAddress ip = source.ip();
    boolean request = message.messageClass() == MessageClass.REQUEST && isKnown(message.method());
    if (!request && !message.is(MessageClass.INDICATION, Method.SEND)) {
      return Drop.UNEXPECTED_STUN; // a response is never answered: RFC 8489 6.3
    } else if (message.hasFingerprint() && !message.hasValidFingerprint()) {
      return Drop.BAD_FINGERPRINT;
    } else if (PeerFilter.isTunnelled(ip)) {
      return Drop.TUNNELLED_SOURCE;
    } else if (source.port() == 0
        || source.equals(path.local())
        || ip.isMulticast()
        || ip.isBroadcast()
        || ip.isUnspecified()
        || allocations.isRelayed(source)) {
      return Drop.UNANSWERABLE_SOURCE; // RFC 8656 21.1.7: the loop attack
    }
    return null;
  }

  private static boolean isKnown(int method) {
    return switch (method) {
      case Method.BINDING,
          Method.ALLOCATE,
          Method.REFRESH,
          Method.CREATE_PERMISSION,
          Method.CHANNEL_BIND,
          Method.CONNECT,
          Method.CONNECTION_BIND -> true;
      default -> false;
    };
  }

  /** RFC 8656 5: STUN's own checks, authentication, then the five-tuple. */
  private void handleRequest(FiveTuple path, StunMessage message, long now) {
    Request request = authentication.check(message, path, now);
    if (request == null) {
      return;
    }
    int method = message.method();
    int[] unknown = message.unknownRequired(understood(method));
    Allocations.Flow flow = allocations.flows.get(path);
    Allocation allocation = flow instanceof Allocation found ? found : null;
    boolean isTcpMethod = method == Method.CONNECT || method == Method.CONNECTION_BIND;
    if (unknown.length > 0) {
      request.failUnknown(unknown);
    } else if (isTcpMethod && !allocations.configuration.tcp) {
      request.fail(ErrorCode.BAD_REQUEST);
    } else if (method == Method.ALLOCATE) {
      allocate.handle(request, allocation);
    } else if (method == Method.REFRESH) {
      refresh.handle(request, allocation);
    } else if (method == Method.CONNECTION_BIND) {
      connections.connectionBind(request, flow == null);
    } else if (allocation == null) {
      request.fail(ErrorCode.ALLOCATION_MISMATCH);
    } else if (!allocation.isOf(request.username(), request.realm())) {
      request.fail(ErrorCode.WRONG_CREDENTIALS);
    } else {
      handleRequest(request, allocation, method);
    }
  }

  private void handleRequest(Request request, Allocation allocation, int method) {
    switch (method) {
      case Method.CREATE_PERMISSION -> permissions.createPermission(request, allocation);
      case Method.CHANNEL_BIND -> permissions.channelBind(request, allocation);
      case Method.CONNECT -> connections.connect(request, allocation);
      default -> throw new IllegalStateException(Method.name(method) + " has no chapter");
    }
  }

  private AttributeSet understood(int method) {
    if (method == Method.CONNECTION_BIND) {
      return UNDERSTOOD_IN_CONNECTION_BIND;
    }
    return allocations.configuration.tokens == null ? UNDERSTOOD : UNDERSTOOD_WITH_TOKENS;
  }

  /**
   * Takes an ICMP message about a datagram that was sent to a peer (RFC 8656 11.5), from runtimes that hear of them.
   *
   * @param path from the relayed address to the peer, as the datagram went
   */
  public void handleIcmp(FiveTuple path, IcmpMessage icmp, long now) {
    Relayed relayed = allocations.relays.get(path.local());
    if (relayed != null) {
      relay.icmp(relayed, path.remote(), icmp, now);
    }
  }

  /** The answer to {@link TurnServerOutbox#connect}: the stream is there. */
  public void handleConnected(FiveTuple path, long now) {
    connections.connected(path, now);
  }

  /** The answer to {@link TurnServerOutbox#connect}: there is no stream. */
  public void handleConnectFailed(FiveTuple path, long now) {
    connections.connectFailed(path, now);
  }

  /**
   * A peer connected to a relayed address (RFC 6062 5.3). The runtime reads nothing from the stream before {@link
   * TurnServerOutbox#join}.
   */
  public void handleAccepted(FiveTuple path, long now) {
    connections.accepted(path, now);
  }

  /** A stream was closed: a client's, or one end of a pipe. An allocation goes with its stream, unless it is mobile. */
  public void handleClosed(FiveTuple path, long now) {
    Allocations.Flow flow = allocations.flows.get(path);
    if (flow instanceof Connection connection) {
      connection.end(now);
    } else if (flow instanceof Allocation allocation && allocation.ticket == null) {
      allocations.remove(allocation, EndReason.DISCONNECTED, now);
    }
  }

  @Override
  public void handleTimeout(long now) {
    allocations.expire(now);
  }

  @Override
  public long nextTimeout() {
    return allocations.nextDeadline();
  }

  /**
   * Goes on with other settings; allocations stay, and are held to them. Peers that the filter now refuses lose their
   * permissions. Nonces are new, so each client is asked once more who it is.
   */
  public void reconfigure(TurnServerConfiguration configuration, long now) {
    allocations.reconfigure(configuration, now);
    authentication = new Authentication(allocations);
    binding = new BindingServer(configuration.binding, null, configuration.random, outbox);
  }

  /** Makes no more allocations: who asks is redirected (300) where the configuration says to, else refused (508). */
  public void drain() {
    allocations.draining = true;
  }

  /** Which of several machines has, or had, an allocation: 0 to 255. */
  public static int shardOf(long allocation) {
    return (int) (allocation >>> SHARD_BITS) & 0xFF;
  }

  /** Ends an allocation; does nothing when there is none of this number. */
  public void end(long allocation, long now) {
    Allocation found = allocations.byId.get(allocation);
    if (found != null) {
      allocations.remove(found, EndReason.ENDED, now);
    }
  }

  /** Ends all allocations and reservations, closing what was bound. */
  public void close(long now) {
    drain();
    for (Allocation each : List.copyOf(allocations.byId.values())) {
      allocations.remove(each, EndReason.ENDED, now);
    }
    for (Relayed reserved : List.copyOf(allocations.reservations.values())) {
      allocations.remove(reserved, EndReason.ENDED, now);
    }
  }

  /**
   * Which of several machines a message has to go to, because it made what the message names: a reservation, a mobility
   * ticket or a connection.
   *
   * @return 0 to 255; -1 when any will do
   */
  public static int shardOf(ByteBuffer datagram) {
    StunMessage message = isChannelData(datagram) ? null : StunMessage.tryParse(datagram);
    if (message == null) {
      return -1;
    }
    ByteBuffer ticket = message.get(AttributeType.MOBILITY_TICKET);
    if (ticket != null && ticket.hasRemaining()) {
      return Allocations.shardOf(ticket);
    } else if (message.has(AttributeType.CONNECTION_ID)) {
      return message.intValue(AttributeType.CONNECTION_ID, 0) >>> 24;
    } else if (message.has(AttributeType.RESERVATION_TOKEN)) {
      return (int) (message.longValue(AttributeType.RESERVATION_TOKEN, 0) >>> 56);
    }
    return -1;
  }

  /**
   * Whether there is something for a client's path: an allocation, or a connection with a peer. Both take credentials, so
   * a runtime may end the streams of those who have neither.
   */
  public boolean isInUse(FiveTuple path) {
    return allocations.flows.containsKey(path);
  }

  /** The allocations as they are now, oldest first. */
  public List<Session> sessions() {
    return allocations.byId.values().stream()
        .map(each -> new Session(
            each.id,
            each.creation.username(),
            each.client,
            each.relayed.stream().map(relayed -> relayed.external).toList(),
            each.permissionCount(),
            each.channelCount,
            each.connections().size(),
            each.traffic()))
        .toList();
  }

  /** What the server has and did so far. */
  public Statistics statistics() {
    Map<Drop, Long> counts = new EnumMap<>(Drop.class);
    for (Drop reason : Drop.values()) {
      counts.put(reason, allocations.dropped[reason.ordinal()]);
    }
    return new Statistics(
        allocations.byId.size(),
        allocations.reservations.size(),
        allocations.rowCount(),
        allocations.deadlineCount(),
        allocations.answered,
        Map.copyOf(allocations.refused),
        counts,
        allocations.traffic(),
        binding.stats());
  }
}
