package dev.frazil.lab;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Measures {@code frazil serve} beside Debian's coturn: CPU time of the server for each datagram or request, both at once on
 * one machine, a CPU for the servers and one for the load generator. What counts is the median of the ratios of the runs.
 * Takes half an hour; on a busy machine the JVMs need longer to warm up: {@code -- --prepare 90}.
 *
 * <p>{@code lab/run TurnNumbers [JAVA_HOME ...] [-- options of compare.sh]}: each JDK is a server of its own, next to the one
 * that this program runs on. Needs a C compiler, taskset and turnserver; with libssl-dev the generator's clients come by TLS
 * too, for which the servers need certificates.
 */
public final class TurnNumbers {
  private static final List<String> FILES = List.of("compare.sh", "turnload.c");

  private static final String TESTS = """
      stun relay:160:1 relay:160:50 relay:160:500 relay:1200:1:total-window=32 relay:1200:50 relay:1200:500 \
      relay:160:500:rate=50 relay:160:50:mode=send relay:160:50:tcp allocs:2000:channels""";

  /** In the order of the table; a test has one or two of them. */
  private static final List<String> COSTS =
      List.of("cpu_us_per_req", "cpu_us_per_pkt", "cpu_us_per_alloc", "cpu_us_per_refresh");

  private static final String COTURN =
      "turnserver -n --lt-cred-mech --user {user}:{pass} --realm {realm} --no-cli "
          + "--no-tls --no-dtls --allow-loopback-peers -L 127.0.0.1 -E 127.0.0.1 -p {port} --min-port 10000 "
          + "--max-port 32767 --user-quota 0 --total-quota 0 --no-stdout-log --log-file /dev/null -m 1";

  private static final String FRAZIL =
      "serve --listen 127.0.0.1:{port} --transport udp --transport tcp "
          + "--relay 127.0.0.1 --realm {realm} --user {user}:{pass} --allow-loopback-peers --ports 33000-60999 "
          + "--allocations 20000 --allocations-per-user 20000 --refusals-per-source 0";

  private record Key(String test, String cost) {}

  private TurnNumbers() {}

  /** Runs the comparison, and prints the table. */
  public static void main(String... arguments) throws Exception {
    Path folder = Files.createTempDirectory("turn-numbers");
    for (String file : FILES) {
      try (InputStream in =
          Objects.requireNonNull(TurnNumbers.class.getResourceAsStream("turn/" + file))) {
        Files.copy(in, folder.resolve(file));
      }
    }
    List<String> homes = new ArrayList<>(List.of(System.getProperty("java.home")));
    List<String> options = List.of();
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i].equals("--")) {
        options = List.of(arguments).subList(i + 1, arguments.length);
        break;
      }
      homes.add(arguments[i]);
    }
    List<String> command =
        new ArrayList<>(List.of("bash", folder.resolve("compare.sh").toString()));
    command.addAll(List.of("--server", "coturn=" + COTURN));
    for (String home : homes) {
      command.addAll(List.of("--server", name(home) + "=" + serve(home)));
    }
    Path results = folder.resolve("results");
    command.addAll(List.of("--runs", "5", "--secs", "4", "--prepare", "30", "--tests", TESTS));
    command.addAll(List.of("--out", results.toString()));
    command.addAll(options);
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (process.waitFor() != 0) {
      throw new IOException("the comparison failed");
    }
    print(Files.readAllLines(results.resolve("values.tsv")));
  }

  private static String name(String home) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of(home, "release"))) {
      return "frazil-"
          + lines
              .filter(line -> line.startsWith("JAVA_VERSION="))
              .map(line -> line.replaceAll("[^0-9.]", "").split("\\.")[0])
              .findFirst()
              .orElseThrow();
    }
  }

  /** What {@code ./frazil serve} starts; {@code FRAZIL_JAVA_OPTS} adds options for the JVM. */
  private static String serve(String home) throws IOException {
    int release = Integer.parseInt(name(home).substring("frazil-".length()));
    String natives = release < 22 ? "" : " --enable-native-access=ALL-UNNAMED";
    String unsafe = release < 23 ? "" : " --sun-misc-unsafe-memory-access=allow";
    String given = System.getenv().getOrDefault("FRAZIL_JAVA_OPTS", "");
    return Path.of(home, "bin", "java") + natives + unsafe + " " + given + " -cp "
        + System.getProperty("java.class.path") + " dev.frazil.cli.Main " + FRAZIL;
  }

  /** Each line is a test, a server, a run, what was measured, and the value. */
  private static void print(List<String> lines) {
    Map<Key, Map<String, Map<Integer, Double>>> costs = new LinkedHashMap<>();
    Map<String, Double> faults = new TreeMap<>();
    for (String line : lines) {
      String[] cells = line.split("\t");
      double value = Double.parseDouble(cells[4]);
      if (COSTS.contains(cells[3])) {
        costs
            .computeIfAbsent(new Key(cells[0], cells[3]), key -> new LinkedHashMap<>())
            .computeIfAbsent(cells[1], server -> new TreeMap<>())
            .put(Integer.valueOf(cells[2]), value);
      } else if (List.of("bad", "lost", "loss_pct", "failed").contains(cells[3]) && value > 0) {
        faults.merge(cells[1] + ", " + cells[0] + ", " + cells[3], value, Math::max);
      }
    }
    List<String> servers = costs.values().stream()
        .flatMap(each -> each.keySet().stream())
        .distinct()
        .toList();
    List<String> heads = new ArrayList<>(List.of("test", "µs of CPU", "coturn"));
    servers.stream().skip(1).forEach(heads::add);
    Table table = new Table(heads.toArray(String[]::new));
    costs.forEach((key, of) -> {
      List<Object> row = new ArrayList<>(List.of(key.test(), key.cost().substring(7)));
      Map<Integer, Double> first = of.getOrDefault(servers.get(0), Map.of());
      row.add(String.format(Locale.ROOT, "%.2f", median(first.values().stream())));
      servers.stream()
          .skip(1)
          .forEach(server -> row.add(ratio(of.getOrDefault(server, Map.of()), first)));
      table.row(row.toArray());
    });
    table.print(System.out);
    faults.forEach((what, most) -> System.out.printf(Locale.ROOT, "%s: up to %.2f%n", what, most));
  }

  private static String ratio(Map<Integer, Double> values, Map<Integer, Double> first) {
    List<Double> ratios = values.entrySet().stream()
        .filter(each -> first.containsKey(each.getKey()))
        .map(each -> each.getValue() / Objects.requireNonNull(first.get(each.getKey())))
        .sorted()
        .toList();
    return ratios.isEmpty()
        ? "-"
        : String.format(
            Locale.ROOT,
            "%.2f × (%.2f to %.2f)",
            median(ratios.stream()),
            ratios.get(0),
            ratios.get(ratios.size() - 1));
  }

  private static double median(Stream<Double> values) {
    List<Double> sorted = values.sorted().toList();
    int size = sorted.size();
    return size == 0 ? Double.NaN : (sorted.get((size - 1) / 2) + sorted.get(size / 2)) / 2;
  }
}
