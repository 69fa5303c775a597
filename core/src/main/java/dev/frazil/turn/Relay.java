package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.Allocation.Channel;
import dev.frazil.turn.Allocation.Permission;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.TurnServer.Drop;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The data between clients and peers (RFC 8656 11, 12): headers go on and off, payloads stay where they are. The kernel
 * of a relaying host makes the IP headers: DSCP 0, Not-ECT, DF not set unless asked, its own TTL, which are the alternate
 * behaviours of RFC 8656 13 to 15.
 */
final class Relay {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final int LONGEST_PAYLOAD = 0xFFFF;
  /** In front of DATA's value: a STUN header, XOR-PEER-ADDRESS of IPv6, the attribute's own header. */
  private static final int LONGEST_HEADER = 20 + 24 + 4;

  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.XOR_PEER_ADDRESS,
      AttributeType.DATA,
      AttributeType.DONT_FRAGMENT,
      // RFC 8489 9: indications are not authenticated here, and what says otherwise is ignored
      AttributeType.USERNAME,
      AttributeType.USERHASH,
      AttributeType.REALM,
      AttributeType.NONCE,
      AttributeType.PASSWORD_ALGORITHM);

  private final Allocations allocations;
  private final ByteBuffer channelHeader = ByteBuffer.allocate(ChannelData.HEADER_LENGTH);
  private final ByteBuffer out = ByteBuffer.allocate(LONGEST_HEADER + LONGEST_PAYLOAD + 3);

  Relay(Allocations allocations) {
    this.allocations = allocations;
  }

  /** ChannelData of a client (RFC 8656 12.6). */
  void fromClient(Allocation allocation, FiveTuple path, ByteBuffer message, long now) {
    if (!ChannelData.isChannelData(message, allocations.configuration.lastChannel)) {
      allocations.drop(Drop.BAD_CHANNEL_DATA);
      return;
    }
    Channel channel = allocation.channel(ChannelData.number(message));
    int length = ChannelData.length(message);
    if (channel == null) {
      allocations.drop(Drop.NO_CHANNEL);
    } else if (!channel.isOpen(now)) {
      allocations.drop(Drop.NO_PERMISSION);
    } else if (channel.permission.own && !allocations.isRelayed(channel.peer)) {
      allocations.drop(Drop.PEER_REFUSED);
    } else if (admits(allocation, path, length, now)) {
      int limit = message.limit();
      int start = message.position() + ChannelData.HEADER_LENGTH;
      allocations.outbox.transmit(
          channel.path, NOTHING, message.limit(start + length).position(start));
      message.limit(limit);
    }
  }

  /** What the client's side of every payload to a peer needs: the client has moved, quota, counters. */
  private boolean admits(Allocation allocation, FiveTuple path, int length, long now) {
    if (allocation.next != null) {
      arrived(allocation, path);
    }
    if (!allocation.share.admits(length, now)) {
      allocations.drop(Drop.BANDWIDTH);
      return false;
    }
    allocation.packetsToPeers++;
    allocation.bytesToPeers += length;
    return true;
  }

  /** RFC 8016 3.2: data on the new path ends the old one. */
  private void arrived(Allocation allocation, FiveTuple path) {
    if (!path.equals(allocation.next)) {
      return;
    }
    allocations.flows.remove(allocation.client);
    allocations.tickets.remove(allocation.ticket);
    allocation.client = path;
    allocation.next = null;
    allocation.ticket = allocation.nextTicket;
    allocation.nextTicket = null;
    allocations.outbox.event(new TurnServerEvent.AllocationMoved(allocation.id, path));
  }

  /** A Send indication (RFC 8656 11.2). */
  void send(Allocation allocation, FiveTuple path, StunMessage message, long now) {
    TransportAddress peer = message.get(AttributeType.XOR_PEER_ADDRESS);
    ByteBuffer data = message.get(AttributeType.DATA);
    boolean unfragmented = message.has(AttributeType.DONT_FRAGMENT);
    boolean bad = peer == null
        || data == null
        || message.unknownRequired(UNDERSTOOD).length > 0
        || unfragmented && !allocations.configuration.dontFragment
        || allocation.isTcp();
    if (bad || peer == null || data == null) {
      allocations.drop(Drop.BAD_INDICATION);
      return;
    }
    Relayed relayed = allocation.relayed(peer.ip().family());
    Permission permission = relayed == null ? null : relayed.permission(peer.ip(), now);
    if (relayed == null || permission == null) {
      allocations.drop(Drop.NO_PERMISSION);
    } else if (!allocations.permitsPort(peer, permission)) {
      allocations.drop(Drop.PEER_REFUSED);
    } else if (admits(allocation, path, data.remaining(), now)) {
      FiveTuple toPeer = new FiveTuple(relayed.local, allocations.ports.wire(peer));
      // RFC 8656 13: only IPv4 to IPv4 knows the attribute
      if (unfragmented && peer.ip().isIpv4() && path.local().ip().isIpv4()) {
        allocations.outbox.transmitUnfragmented(toPeer, data);
      } else {
        allocations.outbox.transmit(toPeer, NOTHING, data);
      }
    }
  }

  /** A datagram of a peer that has a channel (RFC 8656 11.3, 12.5). */
  void fromPeer(Channel channel, ByteBuffer payload, long now) {
    Allocation allocation = channel.owner;
    if (!channel.permission.isActive(now)) {
      allocations.drop(Drop.NO_PERMISSION);
    } else if (!channel.isBound(now)) {
      indicate(allocation, channel.peer, payload, now); // its deadline is just due
    } else if (admitsToClient(allocation, payload.remaining(), now)) {
      sendChannelData(allocation.client, channel.number, payload);
    }
  }

  private void sendChannelData(FiveTuple client, int number, ByteBuffer payload) {
    int length = payload.remaining();
    boolean padded = client.local().transport() == Transport.TCP && ChannelData.padding(length) > 0;
    ByteBuffer header = padded ? out.clear() : channelHeader.clear();
    ChannelData.put(header, number, length);
    if (padded) {
      putPadded(payload);
    }
    allocations.outbox.transmit(client, header.flip(), padded ? NOTHING : payload);
  }

  /** Copies a payload, and zeros behind it up to a multiple of 4: never what the buffer held before. */
  private void putPadded(ByteBuffer payload) {
    int padding = ChannelData.padding(payload.remaining());
    out.put(payload);
    for (int i = 0; i < padding; i++) {
      out.put((byte) 0);
    }
  }

  private boolean admitsToClient(Allocation allocation, int length, long now) {
    if (!allocation.share.admits(length, now)) {
      allocations.drop(Drop.BANDWIDTH);
      return false;
    }
    allocation.packetsToClient++;
    allocation.bytesToClient += length;
    return true;
  }

  /** A datagram at a relayed address, of a peer without a channel (RFC 8656 11.3). */
  void fromPeer(Relayed relayed, TransportAddress source, ByteBuffer payload, long now) {
    TransportAddress peer = allocations.ports.external(source);
    Allocation owner = relayed.owner;
    Permission permission = relayed.permission(peer.ip(), now);
    if (owner == null || permission == null || owner.isTcp()) {
      allocations.drop(Drop.NO_PERMISSION);
    } else if (!allocations.permitsPort(peer, permission)) {
      allocations.drop(Drop.PEER_REFUSED);
    } else {
      indicate(owner, peer, payload, now);
    }
  }

  private void indicate(Allocation owner, TransportAddress peer, ByteBuffer payload, long now) {
    int length = payload.remaining();
    if (length > LONGEST_PAYLOAD - LONGEST_HEADER) {
      allocations.drop(Drop.TOO_LONG);
    } else if (admitsToClient(owner, length, now)) {
      StunBuilder.indication(Method.DATA, TransactionId.random(allocations.random), out.clear())
          .put(AttributeType.XOR_PEER_ADDRESS, peer)
          .finish();
      int padding = ChannelData.padding(length);
      int attribute = out.limit();
      out.limit(out.capacity()).position(attribute);
      out.putShort((short) AttributeType.DATA.code()).putShort((short) length);
      out.putShort(2, (short) (out.position() + length + padding - StunMessage.HEADER_LENGTH));
      if (padding > 0) {
        putPadded(payload);
      }
      allocations.outbox.transmit(owner.client, out.flip(), padding > 0 ? NOTHING : payload);
    }
  }

  /** An ICMP message about a datagram that was relayed to a peer (RFC 8656 11.5). */
  void icmp(Relayed relayed, TransportAddress destination, IcmpMessage icmp, long now) {
    TransportAddress peer = allocations.ports.external(destination);
    Allocation owner = relayed.owner;
    IpAddress ip = peer.ip();
    boolean told =
        ip.isIpv4() ? icmp.type() == 3 || icmp.type() == 11 : icmp.type() >= 1 && icmp.type() <= 3;
    @Nullable Permission permission = relayed.permission(ip, now);
    if (owner == null || permission == null || !told || owner.isTcp()) {
      allocations.drop(Drop.NO_PERMISSION);
      return;
    }
    boolean mtu = ip.isIpv4() ? icmp.type() == 3 && icmp.code() == 4 : icmp.type() == 2;
    IcmpMessage value = new IcmpMessage(icmp.type(), icmp.code(), mtu ? icmp.data() : 0);
    ByteBuffer indication = StunBuilder.indication(
            Method.DATA, TransactionId.random(allocations.random), out.clear())
        .put(AttributeType.XOR_PEER_ADDRESS, peer)
        .put(AttributeType.ICMP, value)
        .finish();
    allocations.outbox.transmit(owner.client, indication, NOTHING);
  }
}
