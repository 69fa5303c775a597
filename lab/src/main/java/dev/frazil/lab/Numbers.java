package dev.frazil.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Prints every number of docs/performance.md: runs the programs that measure them one after the other, each in a JVM of
 * its own. Takes about ten minutes on an idle machine, and says little on a busy one.
 */
public final class Numbers {
  private static final List<Class<?>> PROGRAMS = List.of(
      StunBenchmark.class,
      PairsBenchmark.class,
      FirstPayload.class,
      ConnectTimesSummary.class,
      ConsentCost.class,
      VirtualInternetBenchmark.class);

  private Numbers() {}

  /** Runs all. */
  public static void main(String... arguments) throws Exception {
    System.out.printf(
        "%s, %d cores, JDK %s%n",
        processor(), Runtime.getRuntime().availableProcessors(), Runtime.version());
    for (Class<?> program : PROGRAMS) {
      System.out.printf("%n## %s%n", program.getSimpleName());
      long start = System.nanoTime();
      Process process = java(program).inheritIO().start();
      int exit = process.waitFor();
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
      System.out.printf(exit == 0 ? "(%d s)%n" : "(failed after %d s)%n", seconds);
    }
  }

  /** A JVM like this one with another program. */
  static ProcessBuilder java(Class<?> program, String... arguments) {
    return new ProcessBuilder(Stream.concat(
            Stream.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()),
            Stream.of(arguments))
        .toList());
  }

  private static String processor() throws IOException {
    Path file = Path.of("/proc/cpuinfo");
    try (Stream<String> lines = Files.exists(file) ? Files.lines(file) : Stream.empty()) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    }
  }
}
