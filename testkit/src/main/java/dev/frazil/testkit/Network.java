package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A network that hosts and middleboxes are attached to: the public Internet's core, or a local network, in which
 * everybody sees everybody directly.
 *
 * <p>A packet goes to the node that owns its destination address here; else by the longest matching prefix to a
 * middlebox. The prefixes of the interfaces' addresses are on the link: an address of theirs that nobody has is not
 * looked for elsewhere.
 */
public final class Network {
  /** A prefix and the way there; without a way it is on the link. */
  private record Entry(IpPrefix prefix, @Nullable Attachment via) {}

  private final VirtualInternet net;
  private final String name;
  private final boolean core;
  private final Map<IpAddress, Attachment> owners = new HashMap<>();
  private final List<Entry> routes = new ArrayList<>();
  private @Nullable IpPrefix dns64;

  Network(VirtualInternet net, String name, boolean core) {
    this.net = net;
    this.name = name;
    this.core = core;
  }

  /** Its name. */
  public String name() {
    return name;
  }

  /** Whether this is the public Internet, where no private and no link-local address is known. */
  public boolean isInternet() {
    return core;
  }

  /** The NAT64 prefix with which this network's name server makes up IPv6 addresses (RFC 6147), or null. */
  public @Nullable IpPrefix dns64() {
    return dns64;
  }

  /** Sets the prefix of DNS64, or with null ends it. A {@link Nat64} sets its own on its inner network. */
  public void dns64(@Nullable IpPrefix prefix) {
    dns64 = prefix;
  }

  @Override
  public String toString() {
    return name;
  }

  void own(IpAddress ip, Attachment attachment) {
    if (core && ip.isPrivate() && !ip.isLinkLocal()) {
      throw new IllegalArgumentException(
          "address " + ip + " of " + attachment + ": not for the public Internet");
    }
    if (ip.isUnspecified() || ip.isMulticast() || ip.isBroadcast()) {
      throw new IllegalArgumentException(
          "address " + ip + " of " + attachment + ": not a host's address");
    }
    Attachment owner = owners.putIfAbsent(unscoped(ip), attachment);
    if (owner != null) {
      throw new IllegalStateException("address " + ip + " in " + name + " is taken by " + owner);
    }
  }

  void disown(IpAddress ip) {
    owners.remove(unscoped(ip));
  }

  void onLink(IpPrefix prefix) {
    IpPrefix network = prefix.network();
    if (!core && routes.stream().noneMatch(entry -> entry.prefix.equals(network))) {
      add(new Entry(network, null));
    }
  }

  void route(IpPrefix prefix, Attachment via) {
    IpPrefix network = prefix.network();
    for (Entry entry : routes) {
      if (entry.via != null && entry.prefix.equals(network)) {
        throw new IllegalStateException(
            name + " routes " + network + " to " + entry.via + " already");
      }
    }
    routes.removeIf(entry -> entry.prefix.equals(network));
    add(new Entry(network, via));
  }

  /** The attachment that takes packets for this address, or null. */
  @Nullable Attachment find(IpAddress destination) {
    Attachment owner = owners.get(unscoped(destination));
    if (owner != null) {
      return core && destination.isLinkLocal() ? null : owner;
    }
    if (destination.isLinkLocal()) {
      return null;
    }
    Entry entry = longestMatch(destination);
    return entry == null ? null : entry.via;
  }

  /** Why {@link #find} finds nothing. */
  DropReason missing(IpAddress destination) {
    if (destination.isLinkLocal()) {
      return core ? DropReason.LINK_LOCAL : DropReason.NO_SUCH_ADDRESS;
    }
    return longestMatch(destination) == null ? DropReason.NO_ROUTE : DropReason.NO_SUCH_ADDRESS;
  }

  /** Passes on a packet that has come from the attachment it is {@link Packet#at}. */
  void forward(Packet packet) {
    IpAddress destination = packet.destination.ip();
    Attachment next = find(destination);
    if (next == null) {
      net.log().drop(packet, missing(destination), packet.at().place);
    } else if (next == packet.at()) {
      net.log().drop(packet, DropReason.NO_ROUTE, next.place); // only the way it came
    } else {
      next.down.carry(packet);
    }
  }

  private @Nullable Entry longestMatch(IpAddress destination) {
    for (int i = 0; i < routes.size(); i++) {
      Entry entry = routes.get(i);
      if (entry.prefix.contains(destination)) {
        return entry;
      }
    }
    return null;
  }

  private void add(Entry entry) {
    routes.add(entry);
    routes.sort(Comparator.comparingInt((Entry each) -> each.prefix.length()).reversed());
  }

  private static IpAddress unscoped(IpAddress ip) {
    return ip.scopeId() == 0 ? ip : ip.withScopeId(0);
  }
}
