package dev.frazil.lab.campaign;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.LongStream;

/** Many runs, by seed: {@code Campaign [first seed] [number of runs]}, or one in detail: {@code Campaign explain seed}. */
public final class Campaign {
  private Campaign() {}

  /** What came of many runs. */
  public record Summary(
      long runs, long connected, long failed, long packets, List<Run.Outcome> bad) {
    @Override
    public String toString() {
      return runs + " runs, " + connected + " streams connected, " + failed
          + " failed as they must, " + packets + " packets, " + bad.size() + " violations";
    }
  }

  /** Runs this many seeds on all cores. Keeps the first hundred bad outcomes, with pcap files in the folder. */
  public static Summary run(long firstSeed, long count, Path pcaps, boolean progress) {
    LongAdder connected = new LongAdder();
    LongAdder failed = new LongAdder();
    LongAdder packets = new LongAdder();
    AtomicLong done = new AtomicLong();
    List<Run.Outcome> bad = Collections.synchronizedList(new ArrayList<>());
    LongStream.range(firstSeed, firstSeed + count).parallel().forEach(seed -> {
      Run.Outcome outcome = Run.of(seed, bad.size() < 20 ? pcaps : null);
      connected.add(outcome.connected());
      failed.add(outcome.failed());
      packets.add(outcome.packets());
      if (!outcome.isGood() && bad.size() < 100) {
        bad.add(outcome);
      }
      long now = done.incrementAndGet();
      if (progress && now % 1000 == 0) {
        System.err.printf("%d of %d runs, %d bad%n", now, count, bad.size());
      }
    });
    return new Summary(count, connected.sum(), failed.sum(), packets.sum(), List.copyOf(bad));
  }

  /** Runs by hand. */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 2 && arguments[0].equals("explain")) {
      System.out.println(Run.explain(Long.parseLong(arguments[1]), System.out));
      return;
    }
    long first = arguments.length > 0 ? Long.parseLong(arguments[0]) : 1;
    long count = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1_000_000;
    Path pcaps = Files.createTempDirectory("frazil-campaign");
    long start = System.nanoTime();
    Summary summary = run(first, count, pcaps, true);
    summary.bad().forEach(outcome -> {
      System.out.println(
          "seed " + outcome.seed() + ": " + String.join("\n    ", outcome.violations()));
      System.out.println("    " + outcome.description());
    });
    System.out.printf("%s, in %.1f s%n", summary, (System.nanoTime() - start) / 1e9);
    if (!summary.bad().isEmpty()) {
      System.exit(1);
    }
  }
}
