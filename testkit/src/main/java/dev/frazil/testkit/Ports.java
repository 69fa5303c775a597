package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The sockets of one host by their address. */
final class Ports {
  private final VirtualInternet net;
  private final Host host;
  private final Map<TransportAddress, VirtualSocket> sockets = new LinkedHashMap<>();
  /** How many sockets each port has, on whatever address. */
  private final Map<Integer, Integer> uses = new HashMap<>();

  private int first = 49152;
  private int last = 65535;

  Ports(VirtualInternet net, Host host) {
    this.net = net;
    this.host = host;
  }

  void ephemeral(int firstPort, int lastPort) {
    checkRange(firstPort, lastPort);
    first = firstPort;
    last = lastPort;
  }

  VirtualSocket bind(TransportAddress local, DatagramHandler handler) {
    if (local.port() == 0) {
      return bindWithin(local, first, last, handler);
    }
    String refusal = refusal(local);
    if (refusal != null) {
      throw new IllegalStateException(
          "cannot bind " + local + " on " + host.name() + ": " + refusal);
    }
    VirtualSocket socket = new VirtualSocket(host, local, handler);
    sockets.put(local, socket);
    uses.merge(local.port(), 1, Integer::sum);
    return socket;
  }

  VirtualSocket bind(IpAddress ip, int firstPort, int lastPort, DatagramHandler handler) {
    checkRange(firstPort, lastPort);
    return bindWithin(TransportAddress.udp(ip, 0), firstPort, lastPort, handler);
  }

  /** Why nothing can be bound there, or null when it can. */
  @Nullable String refusal(TransportAddress local) {
    IpAddress ip = local.ip();
    if (!ip.isUnspecified() && host.interfaceOf(ip) == null) {
      return "the host does not have this address";
    }
    if (!uses.containsKey(local.port())) {
      return null;
    }
    for (TransportAddress taken : sockets.keySet()) {
      if (taken.port() == local.port()
          && taken.transport() == local.transport()
          && taken.ip().family() == ip.family()
          && (taken.ip().equals(ip) || taken.ip().isUnspecified() || ip.isUnspecified())) {
        return "the port is taken";
      }
    }
    return null;
  }

  /** The socket that takes what arrives at this address, or null. */
  @Nullable VirtualSocket find(TransportAddress local) {
    VirtualSocket socket = sockets.get(local);
    if (socket != null) {
      return socket;
    }
    IpAddress any = local.ip().isIpv4() ? IpAddress.ANY4 : IpAddress.ANY6;
    return sockets.get(new TransportAddress(any, local.port(), local.transport()));
  }

  void release(VirtualSocket socket) {
    sockets.remove(socket.local());
    uses.computeIfPresent(socket.local().port(), (port, count) -> count == 1 ? null : count - 1);
  }

  private VirtualSocket bindWithin(
      TransportAddress local, int from, int to, DatagramHandler handler) {
    int count = to - from + 1;
    int start = net.random().nextInt(count);
    for (int i = 0; i < count; i++) {
      TransportAddress candidate = local.withPort(from + (start + i) % count);
      if (refusal(candidate) == null) {
        return bind(candidate, handler);
      }
    }
    String refusal = refusal(local.withPort(from));
    throw new IllegalStateException("cannot bind " + local.ip() + " ports " + from + " to " + to
        + " on " + host.name() + ": " + refusal);
  }

  private static void checkRange(int first, int last) {
    if (first < 1 || last > 65535 || first > last) {
      throw new IllegalArgumentException(
          "ports: a range within 1 to 65535, not " + first + " to " + last);
    }
  }
}
