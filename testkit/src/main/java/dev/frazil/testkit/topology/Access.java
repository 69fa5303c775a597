package dev.frazil.testkit.topology;

import dev.frazil.testkit.FirewallPolicy;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.IpPrefix;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Network;
import dev.frazil.testkit.VirtualInternet;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A way in which a host is connected to the Internet; the ready-made ones are here, others are a lambda away.
 *
 * <p>A site is a number from 1 to 250 that its addresses are made from, so that several sites fit into one world: site
 * 7 has the public addresses 198.51.100.7, 203.0.113.7 and 2001:db8:7::/48 and the local networks 192.168.7.0/24 and
 * 10.7.0.0/16.
 */
@FunctionalInterface
public interface Access {
  /**
   * Makes a host with everything between it and the Internet.
   *
   * @param name the host's name, from which names of its networks and middleboxes are made
   * @param site 1 to 250, one that no other host of this world has
   * @param link the link between the site and the Internet, in both directions
   */
  Host connect(VirtualInternet net, String name, int site, Link link);

  /** A public IPv4 address. */
  static Access open() {
    return (net, name, site, link) -> {
      Host host = net.host(name);
      host.attach(net.internet(), publicAddress(site)).link(link);
      return host;
    };
  }

  /** A public IPv6 address. */
  static Access openIpv6() {
    return (net, name, site, link) -> {
      Host host = net.host(name);
      host.attach(net.internet(), "2001:db8:" + site + "::1/48").link(link);
      return host;
    };
  }

  /** A private IPv4 address behind a NAT. */
  static Access behindNat(NatBehavior behavior) {
    return (net, name, site, link) -> {
      Network home = net.network(name + " home");
      net.nat(name + " nat", home, net.internet(), behavior, externalAddress(site))
          .outerLink(link, link);
      return inside(net, name, home, site);
    };
  }

  /** A private IPv4 address behind a NAT, which is itself behind the NAT of a carrier. */
  static Access behindCarrierNat(NatBehavior home, NatBehavior carrier) {
    return (net, name, site, link) -> {
      Network inner = net.network(name + " home");
      Network shared = net.network(name + " carrier");
      net.nat(name + " carrier nat", shared, net.internet(), carrier, externalAddress(site))
          .outerLink(link, link);
      net.nat(name + " nat", inner, shared, home, "100.64." + site + ".2");
      return inside(net, name, inner, site);
    };
  }

  /** Two interfaces: {@code eth0} behind one NAT and {@code wwan0}, with the less preferred route, behind another. */
  static Access multihomed(NatBehavior wired, NatBehavior mobile) {
    return (net, name, site, link) -> {
      Host host = behindNat(wired).connect(net, name, site, link);
      Network cell = net.network(name + " cell");
      net.nat(name + " cell nat", cell, net.internet(), mobile, publicAddress(site))
          .outerLink(link, link);
      host.attach("wwan0", cell, "10." + site + ".0.2/16").metric(100);
      return host;
    };
  }

  /** A private IPv4 address behind a NAT, and a public IPv6 address behind a firewall that lets only answers in. */
  static Access dualStack(NatBehavior behavior) {
    return (net, name, site, link) -> {
      Network home = net.network(name + " home");
      net.nat(name + " nat", home, net.internet(), behavior, externalAddress(site))
          .outerLink(link, link);
      net.firewall(
              name + " firewall",
              home,
              net.internet(),
              FirewallPolicy.OUTBOUND_ONLY,
              "2001:db8:" + site + "::/48")
          .outerLink(link, link);
      Host host = inside(net, name, home, site);
      host.interfaces().get(0).addAddress("2001:db8:" + site + "::10/64");
      return host;
    };
  }

  /** An IPv6 address only, with an open way to IPv6 and a NAT64 with DNS64 to IPv4. */
  static Access ipv6OnlyWithNat64(IpPrefix prefix) {
    return (net, name, site, link) -> {
      Network cell = net.network(name + " cell");
      net.firewall(
              name + " router",
              cell,
              net.internet(),
              FirewallPolicy.OPEN,
              "2001:db8:" + site + "::/48")
          .outerLink(link, link);
      net.nat64(
              name + " nat64",
              cell,
              net.internet(),
              NatBehavior.PORT_RESTRICTED_CONE,
              prefix,
              externalAddress(site))
          .outerLink(link, link);
      Host host = net.host(name);
      host.attach(cell, "2001:db8:" + site + "::10/64");
      return host;
    };
  }

  /** A public IPv4 address behind a firewall. */
  static Access behindFirewall(FirewallPolicy policy) {
    return (net, name, site, link) -> {
      Network office = net.network(name + " office");
      net.firewall(name + " firewall", office, net.internet(), policy, publicAddress(site) + "/32")
          .outerLink(link, link);
      Host host = net.host(name);
      host.attach(office, publicAddress(site) + "/32");
      return host;
    };
  }

  /**
   * The usual kinds by name, in the order of growing difficulty: {@code open}, {@code full cone}, {@code restricted
   * cone}, {@code port restricted}, {@code symmetric}, {@code udp blocked}.
   */
  static Map<String, Access> kinds() {
    Map<String, Access> kinds = new LinkedHashMap<>();
    kinds.put("open", open());
    kinds.put("full cone", behindNat(NatBehavior.FULL_CONE));
    kinds.put("restricted cone", behindNat(NatBehavior.RESTRICTED_CONE));
    kinds.put("port restricted", behindNat(NatBehavior.PORT_RESTRICTED_CONE));
    kinds.put("symmetric", behindNat(NatBehavior.SYMMETRIC));
    kinds.put("udp blocked", behindFirewall(FirewallPolicy.UDP_BLOCKED));
    return Collections.unmodifiableMap(kinds);
  }

  private static Host inside(VirtualInternet net, String name, Network home, int site) {
    Host host = net.host(name);
    host.attach(home, "192.168." + site + ".10/24");
    return host;
  }

  private static String publicAddress(int site) {
    return "198.51.100." + checked(site);
  }

  private static String externalAddress(int site) {
    return "203.0.113." + checked(site);
  }

  private static int checked(int site) {
    if (site < 1 || site > 250) {
      throw new IllegalArgumentException("site: 1 to 250, not " + site);
    }
    return site;
  }
}
