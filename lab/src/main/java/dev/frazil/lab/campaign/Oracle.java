package dev.frazil.lab.campaign;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.VirtualSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Says whether any pair can work, by trying: from the sockets that two agents had, with the candidates that they told
 * each other, in the network as it is now. It knows nothing of ICE and shares no code with it: every socket sends to
 * everything it has heard of, many times, and answers everything.
 *
 * <p>A pair works when a probe was answered from where it was sent to, and so was one in the other direction over the
 * same addresses.
 */
final class Oracle {
  private static final int ROUNDS = 12;
  private static final Duration INTERVAL = Duration.ofMillis(400);
  private static final byte PROBE = 'P';
  private static final byte ECHO = 'E';

  /**
   * What one side has for one component.
   *
   * @param bases the local addresses of its sockets, which must be free now
   * @param relayed relayed addresses that lead to it, which must be free now on the server
   * @param permitted the hosts that these let through
   * @param told the addresses that it told the other side
   * @param heard where the other side was heard from, and at which of the sockets
   */
  record Side(
      Host host,
      Collection<TransportAddress> bases,
      Collection<TransportAddress> relayed,
      Set<IpAddress> permitted,
      Collection<TransportAddress> told,
      Collection<FiveTuple> heard) {}

  private final class End {
    final Side side;
    final Map<TransportAddress, VirtualSocket> sockets = new HashMap<>();
    /** What to try, from which socket. */
    final Set<FiveTuple> targets = new LinkedHashSet<>();
    /** What was answered from where it was sent to. */
    final Set<FiveTuple> worked = new HashSet<>();
    /** The five-tuple that the other end's five-tuple looks like here. */
    final Map<FiveTuple, FiveTuple> seen = new HashMap<>();

    End(Side side) {
      this.side = side;
    }

    void open(End other) {
      for (TransportAddress base : side.bases()) {
        if (side.host().canBind(base)) {
          sockets.put(
              base, side.host().bind(base, (path, payload, now) -> handle(other, path, payload)));
        }
      }
      for (TransportAddress relayed : side.relayed()) {
        if (server.canBind(relayed)) {
          sockets.put(relayed, server.bind(relayed, (path, payload, now) -> {
            if (side.permitted().contains(path.remote().ip())) {
              handle(other, path, payload);
            }
          }));
        }
      }
    }

    void aimAt(Collection<TransportAddress> told) {
      for (TransportAddress from : sockets.keySet()) {
        for (TransportAddress to : told) {
          if (from.ip().family() == to.ip().family()) {
            targets.add(new FiveTuple(from, scoped(from, to)));
          } else if (!side.relayed().contains(from)
              && from.ip().isIpv6()
              && nat64Prefix != null
              && isIpv6Only()) {
            IpAddress mapped = IpAddress.ofIpv6(nat64Prefix.high(), to.ip().low());
            targets.add(new FiveTuple(from, TransportAddress.udp(mapped, to.port())));
          }
        }
      }
    }

    private TransportAddress scoped(TransportAddress from, TransportAddress to) {
      return to.ip().isIpv6() && to.ip().isLinkLocal()
          ? TransportAddress.udp(to.ip().withScopeId(from.ip().scopeId()), to.port())
          : to;
    }

    private boolean isIpv6Only() {
      return side.bases().stream().allMatch(base -> base.ip().isIpv6());
    }

    void aimBack() {
      side.heard().stream().filter(path -> sockets.containsKey(path.local())).forEach(targets::add);
    }

    void sendAll() {
      for (FiveTuple target : List.copyOf(targets)) {
        int number = numbers.computeIfAbsent(target, each -> {
          byNumber.add(each);
          return byNumber.size() - 1;
        });
        ByteBuffer probe = ByteBuffer.allocate(5).put(PROBE).putInt(number).flip();
        Objects.requireNonNull(sockets.get(target.local())).send(target.remote(), probe);
      }
    }

    private void handle(End other, FiveTuple path, ByteBuffer payload) {
      if (payload.remaining() != 5) {
        return;
      }
      byte kind = payload.get();
      int number = payload.getInt();
      if (number < 0 || number >= byNumber.size()) {
        return;
      }
      FiveTuple sent = byNumber.get(number);
      if (kind == PROBE) {
        targets.add(path);
        other.seen.put(sent, path);
        VirtualSocket socket = sockets.get(path.local());
        if (socket != null) {
          socket.send(
              path.remote(), ByteBuffer.allocate(5).put(ECHO).putInt(number).flip());
        }
      } else if (kind == ECHO && path.equals(sent)) {
        worked.add(sent);
      }
    }

    void close() {
      sockets.values().forEach(VirtualSocket::close);
    }
  }

  private final VirtualInternet net;
  private final Host server;
  private final @Nullable IpAddress nat64Prefix;
  private final Map<FiveTuple, Integer> numbers = new HashMap<>();
  private final List<FiveTuple> byNumber = new ArrayList<>();

  /**
   * @param server the host of all relayed addresses
   * @param nat64Prefix a /96 prefix by which an IPv6-only side reaches IPv4; null where there is none
   */
  Oracle(VirtualInternet net, Host server, @Nullable IpAddress nat64Prefix) {
    this.net = net;
    this.server = server;
    this.nat64Prefix = nat64Prefix;
  }

  /** Whether any pair of the two sides works. Takes five seconds of virtual time. */
  boolean canConnect(Side left, Side right) {
    End here = new End(left);
    End there = new End(right);
    here.open(there);
    there.open(here);
    here.aimAt(right.told());
    there.aimAt(left.told());
    here.aimBack();
    there.aimBack();
    for (int round = 0; round < ROUNDS; round++) {
      here.sendAll();
      there.sendAll();
      net.runFor(INTERVAL);
    }
    net.runFor(Duration.ofSeconds(2));
    here.close();
    there.close();
    for (FiveTuple worked : here.worked) {
      FiveTuple back = here.seen.get(worked);
      if (back != null && there.worked.contains(back)) {
        return true;
      }
    }
    return false;
  }
}
