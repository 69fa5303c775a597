package dev.frazil.lab;

import dev.frazil.netty.IceRuntime;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Prints how long one pair over loopback takes from its start until the first payload arrives, once the JVM is warm:
 * Frazil with default settings, beside ice4j.
 *
 * <p>The one argument, if given, is the number of pairs that are measured, one after the other: 200 unless set. Half as
 * many warm up before.
 */
public final class FirstPayload {
  private static final long LIMIT_SECONDS = 30;

  private FirstPayload() {}

  /** Measures both and prints the table. */
  public static void main(String... arguments) throws Exception {
    int pairs = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 200;
    Table table = new Table("ms from start to first payload", "median", "p95", "least", "most");
    try (IceRuntime runtime = IceRuntime.create()) {
      row(table, "Frazil", () -> new FrazilPair(runtime), pairs);
    }
    if (Ice4jPair.prepare()) {
      row(table, "ice4j", () -> new Ice4jPair(true), pairs);
    }
    table.print(System.out);
    System.exit(0); // ice4j leaves threads behind
  }

  private static void row(Table table, String name, Supplier<AgentPair> maker, int pairs)
      throws Exception {
    long[] nanos = new long[pairs];
    for (int i = -pairs / 2; i < pairs; i++) {
      long one = measure(maker.get());
      if (i >= 0) {
        nanos[i] = one;
      }
    }
    Arrays.sort(nanos);
    table.row(
        name,
        millis(nanos[pairs / 2]),
        millis(nanos[(int) (0.95 * (pairs - 1))]),
        millis(nanos[0]),
        millis(nanos[pairs - 1]));
  }

  private static long measure(AgentPair pair) throws Exception {
    try (pair) {
      long start = System.nanoTime();
      pair.start();
      pair.delivered().get(LIMIT_SECONDS, TimeUnit.SECONDS);
      long nanos = System.nanoTime() - start;
      pair.selected().get(LIMIT_SECONDS, TimeUnit.SECONDS); // lets it end in peace
      return nanos;
    }
  }

  private static String millis(long nanos) {
    return String.format("%.1f", nanos / 1e6);
  }
}
