package dev.frazil.testkit;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A host with interfaces, addresses and sockets.
 *
 * <p>What is sent from an address leaves through the interface that has it (the strong host model of RFC 1122 3.3.4.2).
 */
public final class Host {
  private final VirtualInternet net;
  private final String name;
  private final List<VirtualInterface> interfaces = new ArrayList<>();
  private final Map<IpAddress, VirtualInterface> owned = new HashMap<>();
  private final Ports ports;
  private final List<Runnable> watchers = new ArrayList<>();
  private int nextIndex = 1;
  private boolean changePending;
  private boolean silent;
  private PacketLog.@Nullable Place place;

  Host(VirtualInternet net, String name) {
    this.net = net;
    this.name = name;
    this.ports = new Ports(net, this);
  }

  /** Its name. */
  public String name() {
    return name;
  }

  /** The world it lives in. */
  public VirtualInternet internet() {
    return net;
  }

  /**
   * Attaches the host to a network by a new interface named {@code eth0}, {@code eth1} and so on.
   *
   * @param addresses such as {@code 192.168.1.10/24} (see {@link IpPrefix#parse})
   */
  public VirtualInterface attach(Network network, String... addresses) {
    return attach("eth" + (nextIndex - 1), network, addresses);
  }

  /** Attaches the host to a network by a new interface of this name. */
  public VirtualInterface attach(String interfaceName, Network network, String... addresses) {
    if (interfaces.stream().anyMatch(each -> each.name().equals(interfaceName))) {
      throw new IllegalArgumentException(name + " has an interface " + interfaceName + " already");
    }
    VirtualInterface added = new VirtualInterface(net, this, interfaceName, nextIndex++, network);
    interfaces.add(added);
    for (String address : addresses) {
      added.addAddress(address);
    }
    return added;
  }

  /** Adds the loopback interface {@code lo} with 127.0.0.1 and ::1; a host has none unless asked. */
  public VirtualInterface attachLoopback() {
    Network loopback = new Network(net, name + " loopback", false);
    return attach("lo", loopback, "127.0.0.1/8", "::1/128").defaultRoute(false);
  }

  /** Its interfaces, oldest first. */
  public List<VirtualInterface> interfaces() {
    return List.copyOf(interfaces);
  }

  /** The addresses of all interfaces that are up. */
  public List<IpAddress> addresses() {
    List<IpAddress> all = new ArrayList<>();
    for (VirtualInterface each : interfaces) {
      if (each.isUp()) {
        each.addresses().forEach(address -> all.add(address.address()));
      }
    }
    return all;
  }

  /** The interface that has this address, or null. */
  public @Nullable VirtualInterface interfaceOf(IpAddress ip) {
    return owned.get(ip);
  }

  /** Lets the action run, as an event of its own, after interfaces or addresses have changed. */
  public void onChange(Runnable watcher) {
    watchers.add(watcher);
  }

  /** Sets the ports given to sockets bound to port 0; 49152 to 65535 unless set. */
  public void ephemeralPorts(int first, int last) {
    ports.ephemeral(first, last);
  }

  /**
   * Sets whether the host stays silent about packets for which it has no socket. Unless set, it answers them with a
   * port unreachable message (ICMP).
   */
  public void silent(boolean value) {
    silent = value;
  }

  /**
   * Opens a datagram socket.
   *
   * @param local an address of this host, or the wildcard; port 0 takes a free one
   * @throws IllegalStateException when the port is taken or the address is not there; {@link #canBind} asks before
   */
  public VirtualSocket bind(TransportAddress local, DatagramHandler handler) {
    return ports.bind(local, handler);
  }

  /**
   * Opens a datagram socket at a free port of a range.
   *
   * @throws IllegalStateException when every port of the range is taken
   */
  public VirtualSocket bind(IpAddress local, int firstPort, int lastPort, DatagramHandler handler) {
    return ports.bind(local, firstPort, lastPort, handler);
  }

  /** Whether {@link #bind} would succeed with this address. */
  public boolean canBind(TransportAddress local) {
    return ports.refusal(local) == null;
  }

  /**
   * The source address that a socket bound to the wildcard address sends from towards this destination, as {@code
   * connect} and {@code getsockname} tell it on a real host; null when there is no route.
   */
  public @Nullable IpAddress defaultRouteSource(IpAddress destination) {
    return SourceSelection.select(interfaces, destination);
  }

  /**
   * The route from one of this host's addresses to a destination.
   *
   * @throws IllegalArgumentException when the host does not have the source address
   */
  public Route route(IpAddress source, IpAddress destination) {
    return Route.of(this, source, destination);
  }

  /**
   * Looks a name up in the world's names ({@link VirtualInternet#addName}), answering as an event of its own after the
   * world's name delay: all IPv4 and IPv6 addresses in the order they were given, none when the name is unknown. Where
   * a network of this host has {@link Network#dns64} and the name has no IPv6 address, IPv6 addresses made from the
   * IPv4 ones follow (RFC 6147). {@code ipv4only.arpa} (RFC 7050) is always known.
   */
  public void resolve(String hostName, Consumer<List<IpAddress>> answer) {
    net.names().resolve(hostName, this, answer);
  }

  @Override
  public String toString() {
    return name;
  }

  void own(IpAddress ip, VirtualInterface owner) {
    if (owned.putIfAbsent(ip, owner) != null) {
      throw new IllegalStateException(name + " has the address " + ip + " already");
    }
  }

  void disown(IpAddress ip) {
    owned.remove(ip);
  }

  void remove(VirtualInterface detached) {
    interfaces.remove(detached);
    changed();
  }

  void changed() {
    if (!changePending && !watchers.isEmpty()) {
      changePending = true;
      net.schedule(0, () -> {
        changePending = false;
        List.copyOf(watchers).forEach(Runnable::run);
      });
    }
  }

  void closed(VirtualSocket socket) {
    ports.release(socket);
  }

  boolean send(
      VirtualSocket socket, TransportAddress remote, ByteBuffer header, ByteBuffer payload) {
    byte[] bytes = new byte[header.remaining() + payload.remaining()];
    header.get(header.position(), bytes, 0, header.remaining());
    payload.get(payload.position(), bytes, bytes.length - payload.remaining(), payload.remaining());
    TransportAddress source = socket.local();
    if (source.ip().isUnspecified()) {
      IpAddress ip = defaultRouteSource(remote.ip());
      source = ip == null ? source : new TransportAddress(ip, source.port(), source.transport());
    }
    Packet packet = net.packet(source, remote, bytes, false);
    VirtualInterface from = owned.get(source.ip());
    if (from == null) {
      place = place == null ? net.capture().place(name) : place;
      net.log()
          .drop(
              packet,
              source.ip().isUnspecified() ? DropReason.NO_ROUTE : DropReason.ADDRESS_GONE,
              place);
      return false;
    }
    return transmit(from, packet);
  }

  private boolean transmit(VirtualInterface from, Packet packet) {
    TransportAddress to = packet.destination;
    VirtualInterface self = owned.get(from.scoped(to.ip()));
    if (self != null) {
      net.log().see(packet, Sighting.Fate.SENT, from.place);
      packet.enter(self, false);
      net.schedule(packet, net.now());
      return true;
    }
    if (!from.isUp()) {
      net.log().drop(packet, DropReason.INTERFACE_DOWN, from.place);
      return false;
    }
    if (!from.reaches(to.ip())) {
      net.log().drop(packet, DropReason.NO_ROUTE, from.place);
      return false;
    }
    packet.source = unscoped(packet.source);
    packet.destination = unscoped(to);
    from.send(packet, Sighting.Fate.SENT);
    return true;
  }

  void receive(VirtualInterface at, Packet packet) {
    if (!at.isUp()) {
      net.log().drop(packet, DropReason.INTERFACE_DOWN, at.place);
      return;
    }
    TransportAddress local = scoped(at, packet.destination);
    if (owned.get(local.ip()) != at) {
      net.log().drop(packet, DropReason.ADDRESS_GONE, at.place);
      return;
    }
    VirtualSocket socket = ports.find(local);
    if (socket == null) {
      net.log().drop(packet, DropReason.PORT_CLOSED, at.place);
      if (!silent && !packet.unreachable) {
        transmit(at, net.packet(local, scoped(at, packet.source), new byte[0], true));
      }
      return;
    }
    net.log().see(packet, Sighting.Fate.DELIVERED, at.place);
    FiveTuple path = new FiveTuple(local, scoped(at, packet.source));
    if (packet.unreachable) {
      socket.handler().unreachable(path, net.now());
    } else {
      socket.handler().handle(path, ByteBuffer.wrap(packet.payload).asReadOnlyBuffer(), net.now());
    }
  }

  private static TransportAddress scoped(VirtualInterface at, TransportAddress address) {
    IpAddress ip = at.scoped(address.ip());
    return ip == address.ip()
        ? address
        : new TransportAddress(ip, address.port(), address.transport());
  }

  private static TransportAddress unscoped(TransportAddress address) {
    IpAddress ip = address.ip();
    return ip.scopeId() == 0
        ? address
        : new TransportAddress(ip.withScopeId(0), address.port(), address.transport());
  }
}
