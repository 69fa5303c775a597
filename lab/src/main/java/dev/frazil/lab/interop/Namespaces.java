package dev.frazil.lab.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The network namespaces of one test network: made under names of their own, removed with it.
 *
 * <p>A name tells the process that made it ({@code frzPIDxN-role}). When this process ends without having removed its
 * own, even by being killed, a helper that it started does so; the next run removes what outlived that one too. All links are made inside the namespaces: the machine's own interfaces are never touched.
 */
final class Namespaces implements AutoCloseable {
  private static final Pattern NAME = Pattern.compile("frz(\\d+)x\\d+-\\w+");
  private static final AtomicInteger RUNS = new AtomicInteger();
  private static final String OURS = "frz" + ProcessHandle.current().pid() + "x";

  static {
    deleteStale();
    deleteAfterOurEnd();
  }

  private final String prefix = OURS + RUNS.incrementAndGet() + "-";
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
    sysctl(name, 0, "net/ipv6/conf/all/accept_dad", "net/ipv6/conf/default/accept_dad");
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

  void sysctl(String name, int value, String... keys) {
    List<String> tee = new ArrayList<>(List.of("tee"));
    Stream.of(keys).map(key -> "/proc/sys/" + key).forEach(tee::add);
    Commands.run(value + "\n", enter(name, tee));
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
  }

  /** Starts what waits for our end on a pipe, in a session of its own, so that what kills us spares it. */
  private static void deleteAfterOurEnd() {
    String script = """
        cat
        for name in $(ip netns list | grep -o '^%s[^ ]*'); do ip netns delete $name; done
        """.formatted(OURS);
    try {
      new ProcessBuilder("setsid", "sh", "-c", script)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException cannotStart) {
      throw new UncheckedIOException("setsid is missing (package util-linux)", cannotStart);
    }
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
