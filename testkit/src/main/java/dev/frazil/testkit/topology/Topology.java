package dev.frazil.testkit.topology;

import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Network;
import dev.frazil.testkit.VirtualInternet;

/**
 * A world with two hosts that want to meet and a server that both can reach.
 *
 * @param net the world
 * @param alice the one host
 * @param bob the other host
 * @param server a public host at 192.0.2.1, 192.0.2.2, 2001:db8::1 and 2001:db8::2, with a perfect link; it is known as
 *     {@code server.example}, and by its IPv4 address alone as {@code ipv4.server.example}
 */
public record Topology(VirtualInternet net, Host alice, Host bob, Host server) {
  /**
   * Two hosts that are connected in these ways. A packet from one to the other takes the latency of the link twice.
   *
   * @param link each site's link to the Internet
   */
  public static Topology between(VirtualInternet net, Access alice, Access bob, Link link) {
    Host server = server(net);
    return new Topology(
        net, alice.connect(net, "alice", 1, link), bob.connect(net, "bob", 2, link), server);
  }

  /** Two hosts with public addresses. */
  public static Topology open(VirtualInternet net, Link link) {
    return between(net, Access.open(), Access.open(), link);
  }

  /** Two hosts behind a NAT each. */
  public static Topology nats(VirtualInternet net, NatBehavior alice, NatBehavior bob, Link link) {
    return between(net, Access.behindNat(alice), Access.behindNat(bob), link);
  }

  /** Two hosts in one home behind one NAT. */
  public static Topology sameNat(VirtualInternet net, NatBehavior behavior, Link link) {
    Host server = server(net);
    Host alice = Access.behindNat(behavior).connect(net, "alice", 1, link);
    Host bob = net.host("bob");
    bob.attach(alice.interfaces().get(0).network(), "192.168.1.11/24");
    return new Topology(net, alice, bob, server);
  }

  /** Two hosts in two homes, each behind its NAT, both behind the NAT of one carrier. */
  public static Topology sameCarrier(
      VirtualInternet net, NatBehavior home, NatBehavior carrier, Link link) {
    Host server = server(net);
    Host alice = Access.behindCarrierNat(home, carrier).connect(net, "alice", 1, link);
    Network shared = net.middleboxes().get(0).inner();
    Network bobsHome = net.network("bob home");
    net.nat("bob nat", bobsHome, shared, home, "100.64.1.3");
    Host bob = net.host("bob");
    bob.attach(bobsHome, "192.168.1.10/24");
    return new Topology(net, alice, bob, server);
  }

  private static Host server(VirtualInternet net) {
    Host server = net.host("server");
    server.attach(net.internet(), "192.0.2.1", "192.0.2.2", "2001:db8::1/48", "2001:db8::2/48");
    net.addName("server.example", "192.0.2.1", "2001:db8::1");
    net.addName("ipv4.server.example", "192.0.2.1");
    return server;
  }
}
