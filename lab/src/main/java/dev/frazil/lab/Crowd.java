package dev.frazil.lab;

import com.sun.management.OperatingSystemMXBean;
import dev.frazil.ice.Pacer;
import dev.frazil.netty.IceRuntime;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Connects a crowd of pairs in this process, after others of the same size for a warm-up, and prints what it took.
 * Started by {@link PairsBenchmark}; the arguments are the stack and the number of pairs.
 */
final class Crowd {
  private static final int WARM_UPS = 4;
  /** ice4j ends an agent 3 s after it completed; what lives until then would count as there before. */
  private static final long SETTLE_SECONDS = 5;

  private static final long LIMIT_SECONDS = 300;

  private Crowd() {}

  /** Who is measured. */
  enum Stack {
    FRAZIL_PACED("Frazil, one transaction in 5 ms"),
    FRAZIL_UNLIMITED("Frazil, `Pacer.unlimited()`"),
    ICE4J("ice4j");

    final String title;

    Stack(String title) {
      this.title = title;
    }
  }

  /**
   * What it took.
   *
   * @param nanos from the first agent's making until every agent had selected its pair
   * @param cpuNanos of the whole process, meanwhile
   * @param threads those that were not there before, once all were connected
   * @param heap how much more was in use once all were connected and garbage was collected, in bytes
   */
  record Cost(int pairs, long nanos, long cpuNanos, long threads, long heap) {
    static Cost parse(String line) {
      long[] fields = Stream.of(line.split(" ")).mapToLong(Long::parseLong).toArray();
      return new Cost((int) fields[0], fields[1], fields[2], fields[3], fields[4]);
    }

    String line() {
      return pairs + " " + nanos + " " + cpuNanos + " " + threads + " " + heap;
    }
  }

  /** Prints one line, for {@link Cost#parse}. */
  public static void main(String... arguments) throws Exception {
    int pairs = Integer.parseInt(arguments[1]);
    Cost cost = switch (Stack.valueOf(arguments[0])) {
      case FRAZIL_PACED -> frazil(Pacer.standard(), pairs);
      case FRAZIL_UNLIMITED -> frazil(Pacer.unlimited(), pairs);
      case ICE4J -> ice4j(pairs);
    };
    System.out.println(cost.line());
    System.exit(0); // ice4j leaves threads behind
  }

  private static Cost frazil(Pacer pacer, int pairs) throws Exception {
    try (IceRuntime warm = IceRuntime.builder().pacer(Pacer.unlimited()).build()) {
      warmUp(() -> new FrazilPair(warm), pairs);
    }
    try (IceRuntime runtime = IceRuntime.builder().pacer(pacer).build()) {
      return connect(() -> new FrazilPair(runtime), pairs);
    }
  }

  private static Cost ice4j(int pairs) throws Exception {
    if (!Ice4jPair.prepare()) {
      throw new IllegalStateException("this machine has no IPv4 address beside its loopback");
    }
    warmUp(() -> new Ice4jPair(false), pairs);
    return connect(() -> new Ice4jPair(false), pairs);
  }

  private static void warmUp(Supplier<AgentPair> maker, int pairs) throws Exception {
    for (int i = 0; i < WARM_UPS; i++) {
      connect(maker, pairs);
    }
    TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
  }

  private static Cost connect(Supplier<AgentPair> maker, int pairs) throws Exception {
    long heap = heapInUse();
    Set<Long> threads = threads();
    long cpu = cpuTime();
    long start = System.nanoTime();
    List<AgentPair> crowd = new ArrayList<>(pairs);
    for (int i = 0; i < pairs; i++) {
      AgentPair pair = maker.get();
      crowd.add(pair);
      pair.start();
    }
    CompletableFuture.allOf(
            crowd.stream().map(AgentPair::selected).toArray(CompletableFuture[]::new))
        .get(LIMIT_SECONDS, TimeUnit.SECONDS);
    long nanos = System.nanoTime() - start;
    long cpuNanos = cpuTime() - cpu;
    Set<Long> started = threads();
    started.removeAll(threads);
    Cost cost = new Cost(pairs, nanos, cpuNanos, started.size(), heapInUse() - heap);
    crowd.forEach(AgentPair::close);
    return cost;
  }

  private static Set<Long> threads() {
    return Arrays.stream(ManagementFactory.getThreadMXBean().getAllThreadIds())
        .boxed()
        .collect(Collectors.toSet());
  }

  private static long cpuTime() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static long heapInUse() {
    for (int i = 0; i < 3; i++) {
      System.gc(); // what a first round lets go of, such as by a cleaner, a later one collects
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
