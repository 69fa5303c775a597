package dev.frazil.lab.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The network namespaces of one test network: made under names of their own, removed with it.
 *
 * <p>A name tells the process that made it ({@code frzPIDxN-role}), so that what a killed run left behind is found and
 * removed by the next one. All links are made inside the namespaces: the machine's own interfaces are never touched.
 */
final class Namespaces implements AutoCloseable {
  private static final Pattern NAME = Pattern.compile("frz(\\d+)x\\d+-\\w+");
  private static final AtomicInteger RUNS = new AtomicInteger();
  private static final Set<String> PRESENT = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> PRESENT.forEach(Namespaces::delete)));
    deleteStale();
  }

  private final String prefix =
      "frz" + ProcessHandle.current().pid() + "x" + RUNS.incrementAndGet() + "-";
  private final List<String> names = new ArrayList<>();

  /** Why namespaces cannot be made here; null when they can. */
  static @Nullable String missing() {
    if (!Commands.run("id", "-u").equals("0")) {
      return "network namespaces need root";
    }
    if (!Commands.succeeds("ip", "-Version")) {
      return "ip is missing (package iproute2)";
    }
    if (!Commands.succeeds("nft", "--version")) {
      return "nft is missing (package nftables)";
    }
    try (Namespaces probe = new Namespaces()) {
      String name = probe.add("probe");
      probe.nft(
          name,
          "table inet probe { chain c { type nat hook postrouting priority srcnat; masquerade; }; }");
      return null;
    } catch (IllegalStateException refused) {
      return "no network namespaces with nftables here: " + refused.getMessage();
    }
  }

  /** Makes a namespace whose loopback is up and whose IPv6 addresses are usable at once. */
  String add(String role) {
    String name = prefix + role;
    Commands.run("ip", "netns", "add", name);
    names.add(name);
    PRESENT.add(name);
    sysctl(name, "net/ipv6/conf/all/accept_dad", "0");
    sysctl(name, "net/ipv6/conf/default/accept_dad", "0");
    ip(name, List.of("link set lo up"));
    return name;
  }

  /** Joins two namespaces by a cable; the ends get the given interface names. */
  void link(String one, String oneInterface, String other, String otherInterface) {
    ip(
        one,
        List.of("link add %s type veth peer name %s netns %s"
            .formatted(oneInterface, otherInterface, other)));
  }

  /** Runs commands of {@code ip} in a namespace, in one go. */
  void ip(String name, List<String> commands) {
    Commands.run(String.join("\n", commands) + "\n", List.of("ip", "-n", name, "-batch", "-"));
  }

  void nft(String name, String rules) {
    Commands.run(rules + "\n", enter(name, List.of("nft", "-f", "-")));
  }

  void sysctl(String name, String key, String value) {
    Commands.run(value + "\n", enter(name, List.of("tee", "/proc/sys/" + key)));
  }

  /** The command as it is run inside a namespace. */
  static List<String> enter(String name, List<String> command) {
    List<String> inside = new ArrayList<>(List.of("ip", "netns", "exec", name));
    inside.addAll(command);
    return inside;
  }

  @Override
  public void close() {
    names.forEach(Namespaces::delete);
    names.clear();
  }

  private static void delete(String name) {
    Commands.tryRun("", List.of("ip", "netns", "delete", name));
    PRESENT.remove(name);
  }

  private static void deleteStale() {
    String list = Commands.tryRun("", List.of("ip", "netns", "list")).output();
    list.lines().map(NAME::matcher).filter(Matcher::lookingAt).forEach(name -> {
      if (ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
        delete(name.group());
      }
    });
  }
}
