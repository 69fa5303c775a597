package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An allocation on a TURN server, as its client sees it (RFC 8656): it is asked for, kept alive with its permissions and
 * channels, sends to peers and hears from them, and is given back.
 *
 * <pre>{@code
 * TurnAllocation allocation = new TurnAllocation(configuration, outbox);
 * allocation.start(path, now);                  // answered by the event Allocated
 * allocation.permit(List.of(peer), now);
 * allocation.send(peer, payload, now);          // may follow at once
 * allocation.close(now);
 * }</pre>
 *
 * <p>Over a stream the runtime cuts what comes in into messages, with {@link dev.frazil.net.StreamFramer}; what goes out
 * is padded here.
 */
public final class TurnAllocation implements ProtocolMachine {
  private static final int DATA_INDICATION = 0x0017;
  private static final int CONNECTION_ATTEMPT_INDICATION = 0x001C;
  private static final int RESPONSE = 0x0100;

  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.XOR_PEER_ADDRESS, AttributeType.DATA, AttributeType.CONNECTION_ID);

  /** What an allocation says. It never calls back into the allocation. */
  public interface Outbox extends dev.frazil.net.Outbox {
    /**
     * A peer sent data.
     *
     * @param payload borrowed for the call
     */
    void deliver(TransportAddress peer, ByteBuffer payload);

    /** The runtime is to do something. */
    void request(TurnRequest request);

    /** The owner is to know something. */
    void event(TurnEvent event);
  }

  /** What became of a payload. */
  public enum SendResult {
    /** On its way to the server. Until the server has let the peer through, it drops what comes for it. */
    SENT,
    /** The peer is not permitted, or the server refused it. */
    NO_PERMISSION,
    /** There is no allocation at the moment. */
    NO_ALLOCATION
  }

  /** Why a message had no effect. */
  public enum DropReason {
    /** It came over a path that is none of the allocation's. */
    NOT_MINE,
    /** Neither ChannelData nor STUN, cut short, or an indication without what it has to carry. */
    MALFORMED,
    /** STUN of a kind that no client gets. */
    UNEXPECTED_STUN,
    /** ChannelData of a channel that was not asked for. */
    UNKNOWN_CHANNEL,
    /** From a peer that is not permitted. */
    NO_PERMISSION,
    /** A bounded table was full, or had the entry already. */
    TABLE_FULL,
    /** There is no allocation. */
    NO_ALLOCATION
  }

  /**
   * What an allocation did.
   *
   * @param packetsSent payloads to peers
   * @param bytesSent their length
   * @param packetsReceived payloads from peers
   * @param bytesReceived their length
   * @param dropped how many messages from the network were dropped, by reason
   */
  public record Statistics(
      long packetsSent,
      long bytesSent,
      long packetsReceived,
      long bytesReceived,
      Map<DropReason, Long> dropped) {}

  private final ClientSession session;
  private final Outbox outbox;
  private final OutgoingData outgoing;
  private long packetsSent;
  private long bytesSent;
  private long packetsReceived;
  private long bytesReceived;

  /** An allocation that was not asked for yet. */
  public TurnAllocation(TurnConfiguration configuration, Outbox outbox) {
    this.outbox = outbox;
    session = new ClientSession(configuration, outbox);
    outgoing = new OutgoingData(outbox, configuration.random);
  }

  // commands

  /**
   * Asks for the allocation; answered by {@link TurnEvent.Allocated} or {@link TurnEvent.Refused}. After a refusal it can
   * be called again, with this server or another; a server that is to be left alone for a while is asked after that.
   *
   * @param path from a local port that has not been used with this server (RFC 8656 7.1)
   * @throws IllegalStateException when the allocation exists, is being asked for, or is closed
   */
  public void start(FiveTuple path, long now) {
    session.allocate.start(path, now);
  }

  /**
   * Has the server let these peers through and keeps it so, at once or when there is an allocation. Peers are told apart
   * by IP address; ports may be 0. One request tells the server of all of them, as far as they fit.
   */
  public void permit(Collection<TransportAddress> peers, long now) {
    session.permissions.permit(peers, now);
  }

  /** Keeps permission and channels of a peer no longer; the server forgets them in its time. */
  public void release(IpAddress peer) {
    session.permissions.release(peer);
    session.channels.release(peer);
  }

  /**
   * Binds a channel to a peer, which is permitted by that too, and keeps it: data to it then has a header of 4 bytes
   * instead of 36 or 48. Until the server has done it, and when it can't, data goes by Send indications.
   *
   * @throws IllegalStateException for a TCP allocation
   */
  public void bind(TransportAddress peer, long now) {
    requireTransport(Transport.UDP, "bind");
    session.permissions.permit(List.of(peer), now);
    session.channels.bind(peer, true, now);
  }

  /**
   * Sends data to a peer that was permitted; it may follow the permit at once. Without a copy, but for padding.
   *
   * @param payload from position to limit, at most 65480 bytes
   * @throws IllegalStateException for a TCP allocation
   */
  public SendResult send(TransportAddress peer, ByteBuffer payload, long now) {
    requireTransport(Transport.UDP, "send");
    int length = payload.remaining();
    if (length > OutgoingData.LONGEST_PAYLOAD) {
      throw new IllegalArgumentException(
          "payload of " + length + " bytes: must be at most " + OutgoingData.LONGEST_PAYLOAD);
    }
    if (!session.isAllocated()) {
      return SendResult.NO_ALLOCATION;
    }
    if (!session.permissions.covers(peer.ip())) {
      return SendResult.NO_PERMISSION;
    }
    packetsSent++;
    bytesSent += length;
    session.refresh.sent(now);
    FiveTuple path = session.line().path;
    ChannelClient.Channel channel = session.channels.usable(peer, now);
    if (channel != null) {
      outgoing.channelData(path, channel.number, payload);
    } else {
      outgoing.sendIndication(path, peer, session.allocate.dontFragment(), payload);
      session.channels.sentIndication(peer, now);
    }
    return SendResult.SENT;
  }

  /**
   * Has the server connect to a peer by TCP (RFC 6062 4.3); answered by {@link TurnEvent.Connected} or {@link
   * TurnEvent.ConnectRefused}. Peers that are permitted may connect too.
   *
   * @throws IllegalStateException when there is no TCP allocation
   */
  public void connect(TransportAddress peer, long now) {
    requireTransport(Transport.TCP, "connect");
    if (!session.isAllocated()) {
      throw new IllegalStateException("connect: there is no allocation");
    }
    session.connections.connect(peer, now);
  }

  /**
   * Takes the allocation to another path, with its relayed addresses, permissions and channels (RFC 8016); answered by
   * {@link TurnEvent.Moved} or {@link TurnEvent.MoveRefused}. Until then data goes over the old one.
   *
   * @throws IllegalStateException when the allocation is not mobile
   */
  public void move(FiveTuple path, long now) {
    session.refresh.move(path, now);
  }

  /**
   * Takes another account, as those that expire are replaced: for the next allocation, since one keeps its username
   * (RFC 8656 7.3).
   */
  public void setCredential(LongTermCredential credential) {
    session.setCredential(credential);
  }

  /** Takes a first or newer token of an authorization server; it is shown from the next request on. */
  public void setAccessToken(ThirdPartyToken token, long now) {
    session.setAccessToken(token, now);
  }

  /**
   * Gives the allocation back. The path is needed until {@link TurnRequest.Close}, which comes when the server has
   * answered or after a second.
   */
  public void close(long now) {
    session.close(now);
  }

  private void requireTransport(Transport transport, String command) {
    if (session.configuration.transport != transport) {
      throw new IllegalStateException(
          command + ": the allocation is for " + session.configuration.transport);
    }
  }

  // what the runtime answers

  /** The path of {@link TurnRequest.Open} is open. */
  public void handleOpened(FiveTuple path, long now) {
    session.allocate.opened(path, now);
  }

  /** The path of {@link TurnRequest.Open} can't be had. */
  public void handleOpenFailed(String reason, long now) {
    session.allocate.openFailed(reason, now);
  }

  /** The stream of {@link TurnRequest.OpenConnection} is open. */
  public void handleConnectionOpened(int connectionId, FiveTuple path, long now) {
    session.connections.opened(connectionId, path, now);
  }

  /** The stream of {@link TurnRequest.OpenConnection} can't be had. */
  public void handleConnectionFailed(int connectionId) {
    session.connections.openFailed(connectionId);
  }

  /**
   * A stream broke, or a hard ICMP error came back. Once there is an allocation the latter is not believed: it is easier
   * to forge than the server's silence.
   */
  public void handleUnreachable(FiveTuple path, long now) {
    unreachable(path, path.local().transport() == Transport.TCP, now);
  }

  /** A connection to the server ended, be it a stream or a DTLS association: what its path carried is over. */
  public void handleDisconnected(FiveTuple path, long now) {
    unreachable(path, true, now);
  }

  private void unreachable(FiveTuple path, boolean gone, long now) {
    ClientLine other = otherLine(path);
    ClientLine line = session.line;
    if (other != null) {
      other.handleUnreachable(now);
    } else if (line != null && line.path.equals(path)) {
      session.unreachable(line, gone, now);
    }
  }

  /** Of the paths that only requests are on: that of a move, those of data connections. */
  private @Nullable ClientLine otherLine(FiveTuple path) {
    ClientLine moving = session.refresh.moving();
    return moving != null && moving.path.equals(path) ? moving : session.connections.line(path);
  }

  // the network

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {
    ClientLine line = session.line;
    boolean own = line != null && line.path.equals(path);
    if (!own && !session.refresh.hears(path)) {
      ClientLine connection = session.connections.line(path);
      if (connection != null) {
        connection.handleDatagram(datagram, now);
      } else {
        session.drop(DropReason.NOT_MINE);
      }
    } else if (datagram.remaining() < ChannelData.HEADER_LENGTH) {
      session.drop(DropReason.MALFORMED);
    } else if ((datagram.get(datagram.position()) & 0xC0) != 0) {
      handleChannelData(path, datagram);
    } else {
      int type = ChannelData.number(datagram); // the first 16 bits
      if (type == DATA_INDICATION || type == CONNECTION_ATTEMPT_INDICATION) {
        handleIndication(path, datagram, now);
      } else if ((type & RESPONSE) == 0) {
        session.drop(DropReason.UNEXPECTED_STUN);
      } else {
        ClientLine asked = own ? line : otherLine(path);
        if (asked != null) {
          asked.handleDatagram(datagram, now);
        }
      }
    }
  }

  private void handleChannelData(FiveTuple path, ByteBuffer datagram) {
    if (!ChannelData.isChannelData(datagram)) {
      session.drop(DropReason.MALFORMED);
      return;
    }
    TransportAddress peer = session.channels.peer(ChannelData.number(datagram));
    if (peer == null) {
      session.drop(DropReason.UNKNOWN_CHANNEL);
      return;
    }
    int start = datagram.position() + ChannelData.HEADER_LENGTH;
    datagram.limit(start + ChannelData.length(datagram)).position(start);
    deliver(path, peer, datagram);
  }

  /** RFC 8656 11.4: nobody authenticates an indication. */
  private void handleIndication(FiveTuple path, ByteBuffer datagram, long now) {
    StunMessage indication = StunMessage.tryParse(datagram);
    if (indication == null
        || indication.hasFingerprint() && !indication.hasValidFingerprint()
        || indication.unknownRequired(UNDERSTOOD).length > 0) {
      session.drop(DropReason.MALFORMED);
    } else if (!session.isAllocated()) {
      session.drop(DropReason.NO_ALLOCATION);
    } else if (indication.method() == Method.CONNECTION_ATTEMPT) {
      session.connections.attempted(indication, now);
    } else {
      handleData(path, indication);
    }
  }

  private void handleData(FiveTuple path, StunMessage indication) {
    TransportAddress peer = indication.get(AttributeType.XOR_PEER_ADDRESS);
    ByteBuffer data = indication.get(AttributeType.DATA);
    IcmpMessage icmp = indication.get(AttributeType.ICMP);
    if (peer != null && data != null) {
      deliver(path, peer, data);
    } else if (peer == null || icmp == null) {
      session.drop(DropReason.MALFORMED);
    } else if (session.permissions.covers(peer.ip())) {
      outbox.event(new TurnEvent.IcmpReceived(peer, icmp));
    } else {
      session.drop(DropReason.NO_PERMISSION);
    }
  }

  private void deliver(FiveTuple path, TransportAddress peer, ByteBuffer payload) {
    if (!session.isAllocated()) {
      session.drop(DropReason.NO_ALLOCATION);
    } else if (!session.permissions.covers(peer.ip())) {
      session.drop(DropReason.NO_PERMISSION);
    } else {
      session.refresh.heardOn(path);
      packetsReceived++;
      bytesReceived += payload.remaining();
      outbox.deliver(peer, payload);
    }
  }

  // time

  @Override
  public void handleTimeout(long now) {
    session.runTimers(now);
  }

  @Override
  public long nextTimeout() {
    return session.nextDeadline();
  }

  // what there is to see

  /** The relayed addresses: one, or one of each family; none when there is no allocation. */
  public List<TransportAddress> relayed() {
    return session.relayed;
  }

  /** The path to the server; null when there is none. */
  public @Nullable FiveTuple path() {
    ClientLine line = session.line;
    return line == null ? null : line.path;
  }

  /** Whether the allocation can be taken to another path. */
  public boolean isMobile() {
    return session.isAllocated() && session.refresh.isMobile();
  }

  /** What it did so far. */
  public Statistics statistics() {
    Map<DropReason, Long> dropped = new EnumMap<>(DropReason.class);
    for (DropReason reason : DropReason.values()) {
      if (session.dropped(reason) > 0) {
        dropped.put(reason, session.dropped(reason));
      }
    }
    return new Statistics(
        packetsSent, bytesSent, packetsReceived, bytesReceived, Map.copyOf(dropped));
  }
}
