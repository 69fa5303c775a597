package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import java.util.ArrayList;
import java.util.List;

/** A host's interface to one network, with its addresses and its link. */
public final class VirtualInterface extends Attachment {
  private final Host host;
  private final String name;
  private final int index;
  private final List<IpPrefix> addresses = new ArrayList<>();
  private boolean enabled = true;
  private boolean detached;
  private boolean defaultRoute = true;
  private int metric;

  VirtualInterface(VirtualInternet net, Host host, String name, int index, Network network) {
    super(net, host.name() + "/" + name, network);
    this.host = host;
    this.name = name;
    this.index = index;
  }

  /** The host it belongs to. */
  public Host host() {
    return host;
  }

  /** Its name, such as {@code eth0}. */
  public String name() {
    return name;
  }

  /** Its index, from 1; the scope of its link-local IPv6 addresses. */
  public int index() {
    return index;
  }

  /** The network it is attached to. */
  public Network network() {
    return attachedTo();
  }

  /** Its addresses with their prefix lengths, in the order they were given. */
  public List<IpPrefix> addresses() {
    return List.copyOf(addresses);
  }

  /** Gives it an address, such as {@code 192.168.1.10/24} (see {@link IpPrefix#parse}). */
  public VirtualInterface addAddress(String address) {
    return addAddress(IpPrefix.parse(address));
  }

  /**
   * Gives it an address. An IPv6 link-local address gets the interface's index as its scope.
   *
   * @throws IllegalStateException when somebody in the network or on the host has the address
   * @throws IllegalArgumentException when it is no host address, or a private one on the public Internet
   */
  public VirtualInterface addAddress(IpPrefix address) {
    if (detached) {
      throw new IllegalStateException(this + " is detached");
    }
    IpAddress ip = scoped(address.address());
    host.own(ip, this);
    try {
      attachedTo().own(ip, this);
    } catch (IllegalStateException | IllegalArgumentException e) {
      host.disown(ip);
      throw e;
    }
    attachedTo().onLink(address);
    addresses.add(new IpPrefix(ip, address.length()));
    host.changed();
    return this;
  }

  /** Takes an address away. Sockets bound to it stay, but can neither send nor receive until it is back. */
  public void removeAddress(IpAddress address) {
    IpAddress ip = scoped(address);
    if (!addresses.removeIf(each -> each.address().equals(ip))) {
      throw new IllegalArgumentException(this + " has no address " + ip);
    }
    host.disown(ip);
    attachedTo().disown(ip);
    host.changed();
  }

  /** Whether it is up; a new interface is. */
  public boolean isUp() {
    return enabled;
  }

  /** Brings it up or takes it down. Down, it keeps its addresses but carries nothing. */
  public void up(boolean value) {
    if (detached && value) {
      throw new IllegalStateException(this + " is detached");
    }
    if (enabled != value) {
      enabled = value;
      host.changed();
    }
  }

  /** Removes the interface with all its addresses from its host for good. */
  public void detach() {
    for (IpPrefix address : addresses()) {
      removeAddress(address.address());
    }
    enabled = false;
    detached = true;
    host.remove(this);
  }

  /** The link towards the network. */
  public Link uplink() {
    return up.settings();
  }

  /** The link from the network. */
  public Link downlink() {
    return super.down.settings();
  }

  /** Sets the link in both directions, from now on; packets that are on it already are not touched. */
  public VirtualInterface link(Link link) {
    return uplink(link).downlink(link);
  }

  /** Sets the link towards the network. */
  public VirtualInterface uplink(Link link) {
    up.settings(link);
    return this;
  }

  /** Sets the link from the network. */
  public VirtualInterface downlink(Link link) {
    super.down.settings(link);
    return this;
  }

  /** Whether destinations outside its own prefixes are reached through it; a new interface's are. */
  public boolean hasDefaultRoute() {
    return defaultRoute;
  }

  /** Sets whether destinations outside its own prefixes are reached through it. */
  public VirtualInterface defaultRoute(boolean value) {
    defaultRoute = value;
    return this;
  }

  /** Among default routes the one with the lowest metric is taken, then the older interface. 0 unless set. */
  public int metric() {
    return metric;
  }

  /** Sets the metric of its default route. */
  public VirtualInterface metric(int value) {
    metric = value;
    return this;
  }

  @Override
  void receive(Packet packet) {
    host.receive(this, packet);
  }

  @Override
  boolean isWorking() {
    return enabled;
  }

  @Override
  boolean isHost() {
    return true;
  }

  /** The address as this host sees it: link-local IPv6 addresses with the scope of this interface. */
  IpAddress scoped(IpAddress ip) {
    return ip.isIpv6() && ip.isLinkLocal() && ip.scopeId() != index ? ip.withScopeId(index) : ip;
  }

  /** Whether packets to this address may leave here. */
  boolean reaches(IpAddress ip) {
    return defaultRoute || ip.isLinkLocal() || onLink(ip) >= 0;
  }

  /** The length of the longest of its prefixes that holds the address, or -1. */
  int onLink(IpAddress ip) {
    int longest = -1;
    for (IpPrefix each : addresses) {
      if (each.contains(ip)) {
        longest = Math.max(longest, each.length());
      }
    }
    return longest;
  }
}
