package dev.frazil.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Measures {@code frazil serve} beside Debian's coturn: CPU time of the server for each datagram or request, all at once on
 * one machine, a CPU for the servers and one for the load generator. What counts is the median of the ratios of the runs.
 * Takes 20 minutes with two servers beside coturn; on a busy machine the JVMs need longer to warm up:
 * {@code -- --prepare 60}.
 *
 * <p>{@code lab/run TurnNumbers [--bare] [JAVA_HOME[:ENGINE] ...] [-- options of compare.sh]}: a server for each, besides
 * that on the JDK which this program runs on; engines are linux, epoll, nio and io-uring, and the best that the JDK has when
 * none is named. The Linux engine is there when this program runs on JDK 22 or newer. With {@code --bare} it is not
 * {@code frazil serve} that is measured but {@link BareRelay}, beside a bare relay in C, too: what each engine can do at best.
 *
 * <p>Needs a C compiler, taskset, chrt, turnserver and openssl; libssl-dev for TLS clients. At a fixed rate server and
 * generator have real-time priority, which wants root or CAP_SYS_NICE.
 */
public final class TurnNumbers {
  private static final String COLLECTOR = "-XX:+UseSerialGC"; // as the launcher has it
  private static final String NAP_MICROS = "300"; // as frazil serve has it

  /**
   * A line of the table: what is asked of compare.sh, what of its answer, and what it is called. The aims are ratios, of the
   * Linux engine and of epoll.
   */
  private record Cell(String test, String cost, String words, String aim, boolean bare) {}

  private static final List<Cell> CELLS = List.of(
      new Cell("stun", "cpu_us_per_req", "Binding requests", "0.75", true),
      relay("160:1", "160 B, 1 allocation", "1.0, 1.1", true),
      relay("160:50", "160 B, 50 allocations", "1.0, 1.1", true),
      relay("160:500", "160 B, 500 allocations", "1.0, 1.1", true),
      relay("1200:1:total-window=32", "1,200 B, 1 allocation", "1.0, 1.1", true),
      relay("1200:50", "1,200 B, 50 allocations", "1.0, 1.1", true),
      relay("1200:500", "1,200 B, 500 allocations", "1.0, 1.1", true),
      relay("160:500:rate=50:realtime", "160 B, 500 allocations, 50 a second", "0.75", true),
      relay("160:50:ipv6", "160 B, 50 allocations, IPv6", "", false),
      relay("160:50:mode=send", "160 B, 50 allocations, indications", "", false),
      relay("160:50:tcp", "160 B, 50 allocations, TCP clients", "", false),
      relay("160:50:tls", "160 B, 50 allocations, TLS clients", "", false),
      new Cell("allocs:2000:channels", "cpu_us_per_alloc", "Allocate, 2,000 of them", "0.7", false),
      new Cell("allocs:2000:channels", "cpu_us_per_refresh", "Refresh", "0.8", false));

  private static final List<String> FAULTS = List.of("bad", "loss_pct", "failed");

  private static final String COTURN =
      "turnserver -n --lt-cred-mech --user {user}:{pass} --realm {realm} --no-cli --allow-loopback-peers "
          + "-L 127.0.0.1 -L ::1 -E 127.0.0.1 -E ::1 -p {port} --tls-listening-port {tls-port} --cert {cert} --pkey {key} "
          + "--no-dtls --min-port 10000 --max-port 32767 --user-quota 0 --total-quota 0 --no-stdout-log --log-file /dev/null "
          + "-m 1";

  private static final String FRAZIL =
      "--listen 127.0.0.1:{port} --listen [::1]:{port} --relay 127.0.0.1 --relay ::1 --transport udp "
          + "--transport tcp --transport tls --tls-port {tls-port} --cert {cert} --key {key} --realm {realm} "
          + "--user {user}:{pass} --allow-loopback-peers --ports 10000-32767 --allocations 20000 "
          + "--allocations-per-user 20000 --refusals-per-source 0 --control off";

  private record Key(String test, String cost) {}

  private TurnNumbers() {}

  private static Cell relay(String test, String words, String aim, boolean bare) {
    return new Cell("relay:" + test, "cpu_us_per_pkt", words, aim, bare);
  }

  /** Runs the comparison, and prints the table. */
  public static void main(String... arguments) throws Exception {
    Path folder = Files.createTempDirectory("turn-numbers");
    ServeJvm.copy("turnload.c", folder);
    String script = ServeJvm.copy("compare.sh", folder).toString();
    List<String> given = List.of(arguments);
    int end = given.contains("--") ? given.indexOf("--") : given.size();
    List<String> homes = new ArrayList<>(given.subList(0, end));
    boolean bare = homes.remove("--bare");
    List<ServeJvm> jvms = new ArrayList<>(List.of(ServeJvm.own()));
    for (String each : homes) {
      jvms.add(ServeJvm.parse(each));
    }
    Path results = folder.resolve("results");
    List<String> command = new ArrayList<>(List.of("bash", script));
    servers(jvms, bare, folder)
        .forEach((name, line) -> command.addAll(List.of("--server", name + "=" + line)));
    command.addAll(
        List.of("--runs", "5", "--secs", "3", "--prepare", "15", "--prepare-allocs", "20000"));
    command.addAll(List.of("--tests", tests(bare), "--out", results.toString()));
    command.addAll(given.subList(Math.min(end + 1, given.size()), given.size()));
    if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0) {
      throw new IOException("the comparison failed");
    }
    System.out.println();
    print(Files.readAllLines(results.resolve("values.tsv")));
  }

  private static String tests(boolean bare) {
    return CELLS.stream()
        .filter(cell -> cell.bare() || !bare)
        .map(Cell::test)
        .distinct()
        .collect(Collectors.joining(" "));
  }

  private static Map<String, String> servers(List<ServeJvm> jvms, boolean bare, Path folder)
      throws IOException, InterruptedException {
    Map<String, String> servers = new LinkedHashMap<>();
    servers.put("coturn", COTURN);
    if (bare) {
      servers.put("C", ServeJvm.compile("barerelay", folder) + " --port {port} --io gso");
    }
    for (ServeJvm jvm : jvms) {
      servers.put(
          jvm.name(), bare ? jvm.bareRelay("{port}", NAP_MICROS) : jvm.serve(COLLECTOR, FRAZIL));
    }
    return servers;
  }

  /** Each line is a test, a server, a run, what was measured, and the value. */
  private static void print(List<String> lines) {
    Map<Key, Map<String, Map<Integer, Double>>> values = new LinkedHashMap<>();
    Map<String, Double> faults = new TreeMap<>();
    for (String line : lines) {
      String[] cells = line.split("\t");
      double value = Double.parseDouble(cells[4]);
      values
          .computeIfAbsent(new Key(cells[0], cells[3]), key -> new LinkedHashMap<>())
          .computeIfAbsent(cells[1], server -> new TreeMap<>())
          .put(Integer.valueOf(cells[2]), value);
      if (FAULTS.contains(cells[3]) && value > 0) {
        faults.merge(cells[1] + ", " + cells[0] + ", " + cells[3], value, Math::max);
      }
    }
    printCosts(values);
    System.out.println();
    printDelays(values);
    System.out.println(faults.isEmpty() ? "Nothing was lost or wrong." : "Lost or wrong:");
    faults.forEach(
        (what, most) -> System.out.printf(Locale.ROOT, "- %s: up to %.2f%n", what, most));
  }

  private static List<String> servers(Map<Key, Map<String, Map<Integer, Double>>> values) {
    return values.values().stream()
        .flatMap(each -> each.keySet().stream())
        .distinct()
        .toList();
  }

  private static void printCosts(Map<Key, Map<String, Map<Integer, Double>>> values) {
    List<String> others = new ArrayList<>(servers(values));
    others.remove("coturn");
    List<String> heads = new ArrayList<>(List.of("CPU of the server", "coturn, µs"));
    heads.addAll(others);
    heads.add("aim");
    Table table = new Table(heads.toArray(String[]::new));
    for (Cell cell : CELLS) {
      Map<String, Map<Integer, Double>> of = values.get(new Key(cell.test(), cell.cost()));
      if (of != null) {
        Map<Integer, Double> first = of.getOrDefault("coturn", Map.of());
        List<Object> row = new ArrayList<>(List.of(cell.words()));
        row.add(String.format(Locale.ROOT, "%.2f", median(first.values().stream())));
        others.forEach(server -> row.add(ratio(of.getOrDefault(server, Map.of()), first)));
        row.add(cell.aim());
        table.row(row.toArray());
      }
    }
    table.print(System.out);
  }

  /** At a fixed rate; where as much is sent as goes, delays tell of the generator's window only. */
  private static void printDelays(Map<Key, Map<String, Map<Integer, Double>>> values) {
    Table table = new Table("at 50 packets a second", "µs of CPU", "median ms", "p99 ms");
    for (Cell cell : CELLS) {
      for (String server : cell.test().contains(":rate=") ? servers(values) : List.<String>of()) {
        table.row(
            server,
            of(values, cell, server, "cpu_us_per_pkt", 1, "%.1f"),
            of(values, cell, server, "p50_us", 1000, "%.2f"),
            of(values, cell, server, "p99_us", 1000, "%.1f"));
      }
    }
    table.print(System.out);
  }

  private static String of(
      Map<Key, Map<String, Map<Integer, Double>>> values,
      Cell cell,
      String server,
      String what,
      double unit,
      String format) {
    Map<Integer, Double> runs =
        values.getOrDefault(new Key(cell.test(), what), Map.of()).getOrDefault(server, Map.of());
    return String.format(Locale.ROOT, format, median(runs.values().stream()) / unit);
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
