package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The world's name server. */
final class Names {
  private final VirtualInternet net;
  private final Map<String, List<IpAddress>> names = new HashMap<>();
  private long delay;

  Names(VirtualInternet net) {
    this.net = net;
    // RFC 7050 8.2
    add("ipv4only.arpa", List.of(IpAddress.parse("192.0.0.170"), IpAddress.parse("192.0.0.171")));
  }

  void add(String name, List<IpAddress> addresses) {
    names.put(key(name), List.copyOf(addresses));
  }

  void delay(long nanos) {
    delay = nanos;
  }

  void resolve(String name, Host host, Consumer<List<IpAddress>> answer) {
    net.schedule(delay, () -> answer.accept(lookUp(name, host)));
  }

  private List<IpAddress> lookUp(String name, Host host) {
    List<IpAddress> known = names.getOrDefault(key(name), List.of());
    IpPrefix dns64 = dns64(host);
    if (dns64 == null || known.stream().anyMatch(IpAddress::isIpv6)) {
      return known;
    }
    List<IpAddress> all = new ArrayList<>(known);
    known.forEach(ip -> all.add(Nat64.embed(dns64, ip)));
    return all;
  }

  private static @Nullable IpPrefix dns64(Host host) {
    for (VirtualInterface each : host.interfaces()) {
      IpPrefix prefix = each.isUp() ? each.network().dns64() : null;
      if (prefix != null) {
        return prefix;
      }
    }
    return null;
  }

  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
