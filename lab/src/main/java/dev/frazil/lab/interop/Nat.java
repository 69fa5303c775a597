package dev.frazil.lab.interop;

/** What stands between a host and the public segment. */
enum Nat {
  /** Nothing: the host is on the segment itself. */
  NONE(""),
  /** Ports kept where free, one mapping for all peers in effect; only who was sent to may answer. */
  MASQUERADE("masquerade"),
  /** A new random port for each peer (a symmetric NAT); only who was sent to may answer. */
  RANDOM("masquerade random,fully-random"),
  /** Ports kept, and whatever comes to the outer address goes to the one host behind it. */
  OPEN("masquerade"),
  /** Lets no UDP through, and of TCP only what was begun inside. */
  UDP_BLOCKED("masquerade");

  private final String statement;

  Nat(String statement) {
    this.statement = statement;
  }

  /** Whether the outer port is the inner one. */
  boolean keepsPorts() {
    return this != RANDOM;
  }

  /**
   * The gateway's rules. What comes unasked is dropped before conntrack confirms it: a confirmed flow would occupy the
   * port, and the host's own packet to that peer would then leave from another.
   */
  String rules(String host4, String host6) {
    String toHost = this == OPEN ? """
          iifname "wan" meta l4proto udp dnat ip to %s
          iifname "wan" meta l4proto udp dnat ip6 to %s
          """.formatted(host4, host6) : "";
    String blocked = this == UDP_BLOCKED ? "meta l4proto udp drop" : "";
    return """
    table inet gateway {
      chain post {
        type nat hook postrouting priority srcnat;
        oifname "wan" %s
      }
      chain pre {
        type nat hook prerouting priority dstnat;
        %s
      }
      chain in {
        type filter hook input priority filter;
        iifname "wan" ct state new drop
      }
      chain through {
        type filter hook forward priority filter;
        %s
        iifname "wan" ct status dnat accept
        iifname "wan" ct state new drop
      }
    }
    """.formatted(statement, toHost, blocked);
  }
}
