package dev.frazil.turn;

import dev.frazil.net.IpAddress;
import dev.frazil.net.IpPrefix;
import dev.frazil.net.Nat64Prefix;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which peers a server relays to and from. One filter decides for every way to name a peer.
 *
 * <p>Never reached: this host and its network as the unspecified, loopback, link-local, multicast, reserved and broadcast
 * addresses name it; 6to4 and Teredo (RFC 8656 21.4); the server's own addresses, but for relayed ones. Private ranges
 * are refused unless allowed. Of the rules that hold for an address, the one with the longest prefix decides, and of two
 * equal ones a denial: opening 10/8 does not open a denied 10.1/16, whatever their order.
 *
 * <p>An IPv6 address in which an IPv4 address is embedded is reached only if both are.
 */
public final class PeerFilter {
  /** What the filter says of an address. */
  enum Verdict {
    PERMITTED,
    DENIED,
    /** The server's own: reached where a relayed address is, if at all. */
    OWN
  }

  /** What holds for a range of addresses. */
  private record Rule(IpPrefix range, boolean allows) {
    boolean matches(IpAddress ip) {
      return range.contains(ip);
    }

    int length() {
      return range.length();
    }
  }

  private static final List<String> NEVER = List.of(
      "0.0.0.0/8",
      "127.0.0.0/8",
      "169.254.0.0/16",
      "224.0.0.0/4",
      "240.0.0.0/4",
      "::/128",
      "::1/128",
      "fe80::/10",
      "fec0::/10",
      "ff00::/8",
      "2001::/32", // Teredo
      "2002::/16", // 6to4
      "64:ff9b:1::/48"); // RFC 8215: a local NAT64, nobody knows of what length

  private static final List<String> UNLESS_ALLOWED = List.of(
      "10.0.0.0/8",
      "100.64.0.0/10",
      "172.16.0.0/12",
      "192.0.0.0/24",
      "192.168.0.0/16",
      "198.18.0.0/15",
      "100::/64",
      "fc00::/7");

  private static final IpAddress MAPPED = IpAddress.parse("::ffff:0:0");
  private static final IpAddress TRANSLATED = IpAddress.parse("::ffff:0:0:0");
  private static final Nat64Prefix WELL_KNOWN_NAT64 =
      new Nat64Prefix(IpAddress.parse("64:ff9b::"), 96);
  private static final IpAddress TEREDO = IpAddress.parse("2001::");
  private static final IpAddress SIX_TO_FOUR = IpAddress.parse("2002::");

  private final Builder builder;
  private final List<Rule> never;
  private final List<Rule> rules;
  private final List<Nat64Prefix> nat64;
  private final Set<IpAddress> own;
  private final boolean loopback;
  private final boolean privilegedPorts;

  private PeerFilter(Builder builder, Collection<IpAddress> moreOwn) {
    never = new ArrayList<>(builder.never);
    NEVER.forEach(range -> never.add(rule(range, false)));
    rules = new ArrayList<>(builder.rules);
    UNLESS_ALLOWED.stream()
        .map(range -> rule(range, false))
        .filter(preset -> builder.rules.stream().noneMatch(rule -> rule.range.equals(preset.range)))
        .forEach(rules::add);
    rules.sort(Comparator.comparingInt(Rule::length).reversed().thenComparing(Rule::allows));
    nat64 = List.copyOf(builder.nat64);
    own = new HashSet<>(builder.own);
    own.addAll(moreOwn);
    loopback = builder.loopback;
    privilegedPorts = builder.privilegedPorts;
    this.builder = builder;
  }

  /** Starts a filter that refuses what nobody should reach by a relay, and private ranges. */
  public static Builder builder() {
    return new Builder();
  }

  /** The same filter for a server that has these addresses too. */
  PeerFilter withOwn(Collection<IpAddress> addresses) {
    return new PeerFilter(builder, addresses);
  }

  private static Rule rule(String range, boolean allows) {
    try {
      return new Rule(IpPrefix.parse(range), allows);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("peer range '" + range + "': " + e.getMessage(), e);
    }
  }

  /** Whether a peer may have this address, if it is not a relayed address of this server. */
  public boolean permits(IpAddress ip) {
    return judge(ip) == Verdict.PERMITTED;
  }

  Verdict judge(IpAddress address) {
    IpAddress ip = address.scopeId() == 0 ? address : address.withScopeId(0);
    if (loopback && ip.isLoopback()) {
      return Verdict.PERMITTED;
    } else if (own.contains(ip)) {
      return Verdict.OWN;
    }
    for (Rule rule : never) {
      if (rule.matches(ip)) {
        return Verdict.DENIED;
      }
    }
    if (ip.isIpv6() && !permitsEmbedded(ip)) {
      return Verdict.DENIED;
    }
    for (Rule rule : rules) {
      if (rule.matches(ip)) {
        return rule.allows ? Verdict.PERMITTED : Verdict.DENIED;
      }
    }
    return Verdict.PERMITTED;
  }

  /** Whether the IPv4 addresses that somebody on the way could read out of an IPv6 address are permitted. */
  private boolean permitsEmbedded(IpAddress ip) {
    boolean isatap = (ip.low() >>> 32 & 0xFDFF_FFFFL) == 0x0000_5EFEL; // RFC 5214 6.1
    boolean last32 =
        isatap || ip.isIn(MAPPED, 96) || ip.isIn(IpAddress.ANY6, 96) || ip.isIn(TRANSLATED, 96);
    if (last32 && !permits(IpAddress.ofIpv4((int) ip.low()))) {
      return false;
    }
    IpAddress translated = WELL_KNOWN_NAT64.extract(ip);
    if (translated != null && !permits(translated)) {
      return false;
    }
    for (Nat64Prefix prefix : nat64) {
      @Nullable IpAddress behind = prefix.extract(ip);
      if (behind != null && !permits(behind)) {
        return false;
      }
    }
    return true;
  }

  /** Whether a peer may have this port. */
  boolean permitsPort(int port) {
    return port != 0 && (privilegedPorts || port >= 1024);
  }

  /** Whether an address belongs to a tunnel that would multiply what is sent (RFC 8656 21.4). */
  static boolean isTunnelled(IpAddress ip) {
    return ip.isIn(SIX_TO_FOUR, 16) || ip.isIn(TEREDO, 32);
  }

  /** Collects rules. Ranges are written {@code 10.0.0.0/8} or {@code fc00::/7}, or as one address. */
  public static final class Builder {
    private final List<Rule> never = new ArrayList<>();
    private final List<Rule> rules = new ArrayList<>();
    private final List<Nat64Prefix> nat64 = new ArrayList<>();
    private final Set<IpAddress> own = new HashSet<>();
    private boolean loopback;
    private boolean privilegedPorts = true;

    private Builder() {}

    /**
     * Allows peers in a range, but for those that are never reached.
     *
     * @throws IllegalArgumentException when the text is no range, naming it
     */
    public Builder allow(String range) {
      rules.add(rule(range, true));
      return this;
    }

    /**
     * Refuses peers in a range.
     *
     * @throws IllegalArgumentException when the text is no range, naming it
     */
    public Builder deny(String range) {
      rules.add(rule(range, false));
      return this;
    }

    /** Names a NAT64 that this host's packets may pass, so that what is behind it is judged as IPv4. */
    public Builder nat64(Nat64Prefix prefix) {
      nat64.add(prefix);
      return this;
    }

    /** Names an address of this host, or one that leads to it, as a public address in front of a NAT does. */
    public Builder own(IpAddress ip) {
      own.add(ip.isIpv4() ? ip : ip.withScopeId(0));
      return this;
    }

    /** Names an address of this host and the length of its network's prefix: its broadcast address is refused too. */
    public Builder own(IpAddress ip, int prefixLength) {
      if (ip.isIpv4() && prefixLength > 0 && prefixLength < 31) {
        int broadcast = (int) ip.low() | -1 >>> prefixLength;
        never.add(new Rule(new IpPrefix(IpAddress.ofIpv4(broadcast), 32), false));
      }
      return own(ip);
    }

    /** Lets 127/8 and ::1 be reached, with whatever listens there; for tests. Default false. */
    public Builder loopback(boolean value) {
      loopback = value;
      return this;
    }

    /** Whether peers may have ports below 1024. Default true; port 0 is refused always. */
    public Builder privilegedPorts(boolean value) {
      privilegedPorts = value;
      return this;
    }

    /** Makes the filter. */
    public PeerFilter build() {
      return new PeerFilter(copy(), List.of());
    }

    private Builder copy() {
      Builder copy = new Builder();
      copy.never.addAll(never);
      copy.rules.addAll(rules);
      copy.nat64.addAll(nat64);
      copy.own.addAll(own);
      copy.loopback = loopback;
      copy.privilegedPorts = privilegedPorts;
      return copy;
    }
  }
}
