package dev.frazil.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code frazil serve} does with each collector of garbage at half of the load that it can take: how long datagrams
 * take, and how long the JVM stands still, then and in a collection of the whole heap. 100 allocations relay payloads of 160
 * bytes at a fixed rate, while 5,000 idle ones give the collector something to carry about.
 *
 * <p>{@code lab/run TurnCollectors [--rounds N] [JAVA_HOME[:ENGINE] ...]}: all collectors in turns, 3 rounds unless told
 * otherwise, on the JDK which this program runs on and those that are given; 8 minutes for each JDK. Needs a C compiler and
 * taskset and chrt; as root, real-time priority keeps other work off.
 */
public final class TurnCollectors {
  /** Options for the JVM. The live objects of 10,000 allocations are 30 MiB. */
  private static final List<String> CANDIDATES = List.of(
      "-XX:+UseSerialGC",
      "-XX:+UseSerialGC -Xmx512m -Xmn128m",
      "-XX:+UseParallelGC -Xmx512m -Xmn128m",
      "-XX:+UseG1GC -Xmx512m",
      "-XX:+UseZGC -Xmx512m");

  private static final int PORT = 3980;
  private static final int RELAYING = 100;
  private static final int IDLE = 5_000;
  private static final int WARM_UP_SECONDS = 6;
  private static final int SECONDS = 10;
  private static final Pattern STOP = Pattern.compile("Safepoint .*Total: +([0-9]+) ns");

  /** One run: times in milliseconds, the CPU's for each datagram in microseconds. */
  private record Run(
      double cpu,
      double median,
      double p99,
      double p999,
      double longest,
      double lost,
      List<Double> stops,
      double full,
      double mebibytes) {
    double longestStop() {
      return stops.stream().mapToDouble(each -> each).max().orElse(0);
    }

    double stopped() {
      return stops.stream().mapToDouble(each -> each).sum();
    }
  }

  private final Path folder;
  private final Path turnload;

  private TurnCollectors(Path folder, Path turnload) {
    this.folder = folder;
    this.turnload = turnload;
  }

  /** Measures, and prints a table for each JVM. */
  public static void main(String... arguments) throws Exception {
    List<String> given = new ArrayList<>(List.of(arguments));
    int option = given.indexOf("--rounds");
    int rounds = 3;
    if (option >= 0) {
      rounds = Integer.parseInt(given.remove(option + 1));
      given.remove(option);
    }
    List<ServeJvm> jvms = new ArrayList<>(List.of(ServeJvm.own()));
    for (String each : given) {
      jvms.add(ServeJvm.parse(each));
    }
    Path folder = Files.createTempDirectory("turn-collectors");
    TurnCollectors measured = new TurnCollectors(folder, ServeJvm.compile("turnload", folder));
    for (ServeJvm jvm : jvms) {
      measured.compare(jvm, rounds);
    }
  }

  private void compare(ServeJvm jvm, int rounds) throws IOException, InterruptedException {
    int rate = halfRate(jvm);
    System.out.printf(
        Locale.ROOT, "%n%s, %,d datagrams a second in all%n", jvm.name(), 2 * RELAYING * rate);
    Map<String, List<Run>> runs = new LinkedHashMap<>();
    for (int round = 0; round < rounds; round++) {
      for (String candidate : CANDIDATES) {
        Run run = run(jvm, candidate, rate);
        System.out.printf("round %d, %s: %s%n", round + 1, candidate, run);
        runs.computeIfAbsent(candidate, each -> new ArrayList<>()).add(run);
      }
    }
    print(runs);
  }

  /** Half of what goes through it when it has no rest: packets a second of an allocation, each way. */
  private int halfRate(ServeJvm jvm) throws IOException, InterruptedException {
    try (MeasuredServer server = MeasuredServer.start(jvm, PORT, "-XX:+UseSerialGC")) {
      relay(server, "max", 2 * WARM_UP_SECONDS);
      server.hurry();
      return (int) (MeasuredServer.field(relay(server, "max", 4), "pps") / 2 / 2 / RELAYING);
    }
  }

  private Run run(ServeJvm jvm, String options, int rate) throws IOException, InterruptedException {
    Path log = Files.createTempFile(folder, "safepoints", ".log");
    String logging = " -Xlog:safepoint:file=" + log + "::filecount=0";
    try (MeasuredServer server = MeasuredServer.start(jvm, PORT, options + logging)) {
      Process idle = server.load(turnload, "allocs --channels --hold --count " + IDLE);
      try {
        idle.inputReader().readLine(); // that all are there
        relay(server, "max", WARM_UP_SECONDS);
        server.hurry();
        relay(server, Integer.toString(rate), WARM_UP_SECONDS);
        long before = Files.size(log);
        String json = relay(server, Integer.toString(rate), SECONDS);
        List<Double> stops = stops(log, before);
        double resident = server.resident() / 1024.0 / 1024;
        before = Files.size(log);
        server.collect();
        return new Run(
            MeasuredServer.field(json, "cpu_us_per_pkt"),
            MeasuredServer.field(json, "p50_us") / 1000,
            MeasuredServer.field(json, "p99_us") / 1000,
            MeasuredServer.field(json, "p999_us") / 1000,
            MeasuredServer.field(json, "max_us") / 1000,
            MeasuredServer.field(json, "loss_pct"),
            stops,
            stops(log, before).stream().mapToDouble(each -> each).max().orElse(0),
            resident);
      } finally {
        idle.destroy();
        idle.waitFor(10, TimeUnit.SECONDS);
      }
    }
  }

  private String relay(MeasuredServer server, String rate, int seconds)
      throws IOException, InterruptedException {
    Process load = server.load(
        turnload,
        "relay --payload 160 --allocs " + RELAYING + " --rate " + rate + " --secs " + seconds);
    String json = load.inputReader().readLine();
    if (load.waitFor() != 0) {
      throw new IOException("nothing was relayed");
    }
    return json;
  }

  /** How long each stop took, in milliseconds, of those that the log tells of behind that many bytes. */
  private static List<Double> stops(Path log, long from) throws IOException {
    try (InputStream in = Files.newInputStream(log)) {
      in.skipNBytes(from);
      Matcher matcher = STOP.matcher(new String(in.readAllBytes(), UTF_8));
      List<Double> stops = new ArrayList<>();
      while (matcher.find()) {
        stops.add(Long.parseLong(matcher.group(1)) / 1e6);
      }
      return stops;
    }
  }

  private static void print(Map<String, List<Run>> runs) {
    Table table = new Table(
        "options of the JVM",
        "CPU, µs",
        "median ms",
        "p99 ms",
        "p99.9 ms",
        "longest ms",
        "lost %",
        "stops",
        "longest stop ms",
        "stopped ms",
        "full collection ms",
        "MiB");
    runs.forEach((candidate, of) -> table.row(
        "`" + candidate + "`",
        median(of, Run::cpu, "%.2f"),
        median(of, Run::median, "%.2f"),
        median(of, Run::p99, "%.1f"),
        median(of, Run::p999, "%.1f"),
        median(of, Run::longest, "%.0f"),
        median(of, Run::lost, "%.2f"),
        median(of, run -> run.stops().size(), "%.0f"),
        median(of, Run::longestStop, "%.1f"),
        median(of, Run::stopped, "%.1f"),
        median(of, Run::full, "%.0f"),
        median(of, Run::mebibytes, "%.0f")));
    System.out.println();
    table.print(System.out);
  }

  private static String median(List<Run> runs, ToDoubleFunction<Run> what, String format) {
    double[] sorted = runs.stream().mapToDouble(what).sorted().toArray();
    int size = sorted.length;
    return String.format(Locale.ROOT, format, (sorted[(size - 1) / 2] + sorted[size / 2]) / 2);
  }
}
