package dev.frazil.lab.interop;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Two hosts that meet on one public segment, each on it or behind a gateway of its own, and a STUN server on it.
 *
 * <pre>
 *   left ── [gateway] ──┐             ┌── [gateway] ── right
 *                       └── segment ──┘
 *                          (STUN)
 * </pre>
 *
 * <p>The addresses are those of documentation and of private networks. The segment routes nothing: what is sent to the
 * other side's private address is lost without an answer.
 */
final class TestNetwork implements AutoCloseable {
  static final String TURN_USER = "user";
  static final String TURN_PASSWORD = "pass";
  private static final String SEGMENT4 = "198.51.100.";
  private static final String SEGMENT6 = "2001:db8:51::";

  private final Namespaces namespaces = new Namespaces();
  private final Set<Family> families;
  private final String segment;
  private final Host left;
  private final Host right;

  /** Builds it; what was made is removed again when that fails. */
  TestNetwork(Nat leftNat, Nat rightNat, Set<Family> families) {
    this.families = EnumSet.copyOf(families);
    try {
      segment = namespaces.add("segment");
      namespaces.ip(
          segment,
          List.of("link add lan type bridge forward_delay 0 mcast_snooping 0", "link set lan up"));
      namespaces.ip(segment, addresses("lan", SEGMENT4 + 1, SEGMENT6 + 1));
      if (families.contains(Family.IPV4)) {
        namespaces.ip(segment, routeToNowhere());
      }
      left = addHost("left", leftNat, 1);
      right = addHost("right", rightNat, 2);
    } catch (RuntimeException failure) {
      namespaces.close();
      throw failure;
    }
  }

  Host left() {
    return left;
  }

  Host right() {
    return right;
  }

  /** The namespace of the segment, where the STUN server runs. */
  String segment() {
    return segment;
  }

  /** The STUN server's addresses as {@code --stun} takes them, one per family. */
  List<String> stunServers() {
    return families.stream()
        .map(family ->
            Endpoints.text(family == Family.IPV4 ? SEGMENT4 + 1 : SEGMENT6 + 1, SegmentStun.PORT))
        .toList();
  }

  /** A TURN server's address on the segment as {@code --turn} takes it. */
  static String turnServer(int port, String transport) {
    return String.join(":", server4(), Integer.toString(port), TURN_USER, TURN_PASSWORD, transport);
  }

  /** The IPv4 address of the servers on the segment. */
  static String server4() {
    return SEGMENT4 + 1;
  }

  @Override
  public void close() {
    namespaces.close();
  }

  private Host addHost(String name, Nat nat, int number) {
    String host = namespaces.add(name);
    String outer4 = SEGMENT4 + (10 + number);
    String outer6 = SEGMENT6 + (10 + number);
    if (nat == Nat.NONE) {
      plug(host, "eth0", outer4, outer6, name);
      return new Host(host, nat, outer4, outer6);
    }
    String inner4 = "192.168." + number + ".";
    String inner6 = "fd00:" + number + "::";
    String gateway = namespaces.add(name + "gw");
    plug(gateway, "wan", outer4, outer6, name);
    namespaces.link(gateway, "lan", host, "eth0");
    namespaces.ip(gateway, addresses("lan", inner4 + 1, inner6 + 1));
    namespaces.ip(host, addresses("eth0", inner4 + 10, inner6 + 10));
    namespaces.ip(host, defaultRoutes(inner4 + 1, inner6 + 1));
    namespaces.sysctl(gateway, 1, "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding");
    namespaces.nft(gateway, nat.rules(inner4 + 10, inner6 + 10));
    return new Host(host, nat, outer4, outer6);
  }

  /** Connects an interface of a namespace to the segment. */
  private void plug(
      String namespace, String device, String address4, String address6, String port) {
    namespaces.link(segment, port, namespace, device);
    namespaces.ip(
        segment,
        List.of("link set %s master lan".formatted(port), "link set %s up".formatted(port)));
    namespaces.ip(namespace, addresses(device, address4, address6));
    namespaces.ip(namespace, defaultRoutes(SEGMENT4 + 1, SEGMENT6 + 1));
  }

  private List<String> addresses(String device, String address4, String address6) {
    List<String> commands = new ArrayList<>();
    if (families.contains(Family.IPV4)) {
      commands.add("addr add %s/24 dev %s".formatted(address4, device));
    }
    if (families.contains(Family.IPV6)) {
      commands.add("addr add %s/64 dev %s nodad".formatted(address6, device));
    }
    commands.add("link set %s up".formatted(device));
    return commands;
  }

  /** A server on the Internet can send anywhere: coturn ends an allocation when the system refuses to. */
  private static List<String> routeToNowhere() {
    String nobody = SEGMENT4 + 254;
    return List.of(
        "neigh add %s lladdr 02:00:00:00:00:fe dev lan nud permanent".formatted(nobody),
        "route add default via " + nobody);
  }

  private List<String> defaultRoutes(String router4, String router6) {
    List<String> commands = new ArrayList<>();
    if (families.contains(Family.IPV4)) {
      commands.add("route add default via " + router4);
    }
    if (families.contains(Family.IPV6)) {
      commands.add("route add default via " + router6);
    }
    return commands;
  }

  /** An address family. */
  enum Family {
    IPV4,
    IPV6
  }

  /** A host, and the addresses under which the segment knows it: its own, or its gateway's. */
  record Host(String namespace, Nat nat, String outer4, String outer6) {

    /**
     * Whether the other side's remote endpoint can be this host's local one: the same, or, behind a NAT, that of its
     * gateway where a stack names its host candidate instead of the mapped one.
     */
    boolean isSeenAs(CandidateText local, CandidateText remoteOfOther) {
      if (local.endpoint().equals(remoteOfOther.endpoint())) {
        return true;
      }
      if (nat == Nat.NONE || !local.type().equals("host")) {
        return false;
      }
      String outer = local.address().contains(":") ? outer6 : outer4;
      int port = nat.keepsPorts() ? local.port() : remoteOfOther.port();
      return remoteOfOther.endpoint().equals(Endpoints.text(outer, port));
    }
  }
}
