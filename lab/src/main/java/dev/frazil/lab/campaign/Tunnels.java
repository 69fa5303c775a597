package dev.frazil.lab.campaign;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sees through one host's traffic with TURN servers: what it sends to peers and hears from them, as if the relayed
 * address were its own. Reads TURN with eyes of its own.
 */
final class Tunnels {
  private static final int ALLOCATED = 0x0103;
  private static final int CHANNEL_BIND = 0x0009;
  private static final int SEND = 0x0016;
  private static final int DATA_INDICATION = 0x0017;
  private static final int BINDING_MASK = 0x3EEF;
  private static final int BINDING = 0x0001;

  private static final int CHANNEL_NUMBER = 0x000C;
  private static final int XOR_PEER_ADDRESS = 0x0012;
  private static final int DATA = 0x0013;
  private static final int XOR_RELAYED_ADDRESS = 0x0016;

  /** A datagram, and the path that it is on for the agent. */
  record Seen(FiveTuple path, ByteBuffer payload) {}

  private record Channel(FiveTuple path, int number) {}

  private final List<TransportAddress> servers;
  /** The relayed addresses of each way to a server. */
  private final Map<FiveTuple, List<TransportAddress>> relayed = new HashMap<>();

  private final Map<TransportAddress, TransportAddress> sockets = new HashMap<>();
  private final Map<Channel, TransportAddress> channels = new HashMap<>();

  /** @param servers the TURN servers that the agent was told of */
  Tunnels(List<TransportAddress> servers) {
    this.servers = servers;
  }

  /** The socket whose allocation has this relayed address; any other address is its own. */
  TransportAddress socket(TransportAddress address) {
    return sockets.getOrDefault(address, address);
  }

  boolean isRelayed(TransportAddress address) {
    return sockets.containsKey(address);
  }

  boolean isServer(TransportAddress address) {
    return servers.contains(address);
  }

  /** How many relayed addresses there have been. */
  int size() {
    return sockets.size();
  }

  /** What a datagram, or a message on a stream, is to the agent; null for what it and a TURN server say to each other. */
  @Nullable Seen look(FiveTuple path, ByteBuffer payload) {
    if (!isServer(path.remote()) || payload.remaining() < 4) {
      return new Seen(path, payload);
    }
    int type = payload.getShort(0) & 0xFFFF;
    if (type >> 12 == 4) {
      TransportAddress peer = channels.get(new Channel(path, type));
      return peer == null
          ? null
          : inner(path, peer, payload.slice(4, payload.getShort(2) & 0xFFFF));
    }
    if (Monitor.type(payload) < 0 || (type & BINDING_MASK) == BINDING) {
      return new Seen(path, payload);
    }
    if (type == ALLOCATED) {
      allocated(path, payload);
    } else if (type == CHANNEL_BIND) {
      int number = payload.getShort(Monitor.find(payload, CHANNEL_NUMBER) + 4) & 0xFFFF;
      channels.put(
          new Channel(path, number), address(payload, Monitor.find(payload, XOR_PEER_ADDRESS)));
    } else if (type == SEND || type == DATA_INDICATION) {
      int data = Monitor.find(payload, DATA);
      int peer = Monitor.find(payload, XOR_PEER_ADDRESS);
      return data < 0 || peer < 0
          ? null
          : inner(
              path,
              address(payload, peer),
              payload.slice(data + 4, payload.getShort(data + 2) & 0xFFFF));
    }
    return null;
  }

  private @Nullable Seen inner(FiveTuple path, TransportAddress peer, ByteBuffer payload) {
    for (TransportAddress each : relayed.getOrDefault(path, List.of())) {
      if (each.ip().family() == peer.ip().family()) {
        return new Seen(new FiveTuple(each, peer), payload);
      }
    }
    return null;
  }

  private void allocated(FiveTuple path, ByteBuffer payload) {
    List<TransportAddress> found = new ArrayList<>();
    for (int at = 20; at + 4 <= payload.limit(); at += 4 + (payload.getShort(at + 2) + 3 & ~3)) {
      if ((payload.getShort(at) & 0xFFFF) == XOR_RELAYED_ADDRESS) {
        found.add(address(payload, at));
      }
    }
    relayed.put(path, found);
    found.forEach(each -> sockets.put(each, path.local()));
  }

  private static TransportAddress address(ByteBuffer payload, int at) {
    int port = (payload.getShort(at + 6) ^ payload.getShort(4)) & 0xFFFF;
    byte[] ip = new byte[(payload.getShort(at + 2) & 0xFFFF) - 4];
    for (int i = 0; i < ip.length; i++) {
      ip[i] = (byte) (payload.get(at + 8 + i) ^ payload.get(4 + i));
    }
    return TransportAddress.udp(IpAddress.of(ip), port);
  }
}
