package dev.frazil.lab;

import dev.frazil.lab.Crowd.Cost;
import dev.frazil.lab.Crowd.Stack;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Prints what it takes to connect many pairs of agents in one process over loopback: Frazil at the pace of RFC 8445
 * 14.2, Frazil without it, ice4j. Each has a JVM of its own, warmed up by as many pairs; all start at once.
 *
 * <p>The arguments, if given, are the numbers of pairs for Frazil and for ice4j: 1000 and 100 unless set.
 */
public final class PairsBenchmark {
  private PairsBenchmark() {}

  /** Measures all and prints the table. */
  public static void main(String... arguments) throws IOException {
    String frazil = arguments.length > 0 ? arguments[0] : "1000";
    String ice4j = arguments.length > 1 ? arguments[1] : "100";
    Table table = new Table(
        "",
        "pairs",
        "seconds",
        "pairs a second",
        "CPU ms a pair",
        "threads",
        "KiB of heap an agent");
    for (Stack each : Stack.values()) {
      Cost cost = measure(each, each == Stack.ICE4J ? ice4j : frazil);
      if (cost == null) {
        table.row(each.title, "", "failed", "", "", "", "");
        continue;
      }
      table.row(
          each.title,
          cost.pairs(),
          String.format("%.2f", cost.nanos() / 1e9),
          String.format("%.0f", cost.pairs() * 1e9 / cost.nanos()),
          String.format("%.2f", cost.cpuNanos() / 1e6 / cost.pairs()),
          cost.threads(),
          String.format("%.1f", cost.heap() / 1024.0 / (2 * cost.pairs())));
    }
    table.print(System.out);
  }

  /** Null when the stack failed; why stands in the output. */
  private static @Nullable Cost measure(Stack stack, String pairs) throws IOException {
    Process process = Numbers.java(Crowd.class, stack.name(), pairs)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    return output.isEmpty() ? null : Cost.parse(output.substring(output.lastIndexOf('\n') + 1));
  }
}
