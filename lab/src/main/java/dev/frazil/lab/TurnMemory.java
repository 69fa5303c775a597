package dev.frazil.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * What allocations take of {@code frazil serve}'s memory while nothing is relayed: 2,000 and 10,000 of them, each with a
 * permission and a channel, the latter kept for a while; and whether all comes back.
 *
 * <p>{@code lab/run TurnMemory [--minutes N] [JAVA_HOME[:ENGINE] ...]}: 10 minutes unless told otherwise, on the JDK which
 * this program runs on and those that are given. Needs a C compiler, taskset, and room for 10,100 open files.
 */
public final class TurnMemory {
  private static final int FEW = 2_000;
  private static final int MANY = 10_000;
  private static final int AIM_BYTES = 12 * 1024;
  private static final int PORT = 3990;
  /** A collector that leaves no gaps, which would be counted as objects. */
  private static final String JVM_OPTIONS =
      "-XX:NativeMemoryTracking=summary -XX:+UseSerialGC -XX:MarkSweepDeadRatio=0";

  private static final int MOST_LOOKS = 20;
  private static final double MIB = 1024 * 1024;

  /** What was seen at one moment, in bytes. */
  private record Sight(long heap, long outside, long resident, long descriptors) {
    static Sight of(MeasuredServer server) throws IOException, InterruptedException {
      return new Sight(
          settledHeap(server), server.outsideHeap(), server.resident(), server.fileDescriptors());
    }

    /** The log and the last answers keep some for a moment. */
    private static long settledHeap(MeasuredServer server)
        throws IOException, InterruptedException {
      long now = server.liveHeap();
      long before = Long.MAX_VALUE;
      for (int i = 0; i < MOST_LOOKS && now < before - before / 100; i++) {
        before = now;
        TimeUnit.SECONDS.sleep(3);
        now = server.liveHeap();
      }
      return now;
    }
  }

  private final Table table =
      new Table("", "allocations", "live heap, MiB", "outside, MiB", "resident, MiB", "open files");
  private final Path turnload;
  private final int minutes;

  private TurnMemory(Path turnload, int minutes) {
    this.turnload = turnload;
    this.minutes = minutes;
  }

  /** Measures, and prints a table for each JVM. */
  public static void main(String... arguments) throws Exception {
    List<String> given = new ArrayList<>(List.of(arguments));
    int option = given.indexOf("--minutes");
    int minutes = 10;
    if (option >= 0) {
      minutes = Integer.parseInt(given.remove(option + 1));
      given.remove(option);
    }
    List<ServeJvm> jvms = new ArrayList<>(List.of(ServeJvm.own()));
    for (String each : given) {
      jvms.add(ServeJvm.parse(each));
    }
    Path turnload = ServeJvm.compile("turnload", Files.createTempDirectory("turn-memory"));
    for (ServeJvm jvm : jvms) {
      System.out.printf("%n%s%n", jvm.name());
      new TurnMemory(turnload, minutes).measure(jvm);
    }
  }

  private void measure(ServeJvm jvm) throws IOException, InterruptedException {
    try (MeasuredServer server = MeasuredServer.start(jvm, PORT, JVM_OPTIONS)) {
      hold(server, FEW, () -> {}); // classes, tables and code that the first ones bring
      note(server, "before", 0);
      Sight[] sights = new Sight[2];
      hold(server, FEW, () -> sights[0] = note(server, "", FEW));
      hold(server, MANY, () -> {
        sights[1] = note(server, "", MANY);
        TimeUnit.MINUTES.sleep(minutes);
        note(server, "after " + minutes + " minutes", MANY);
      });
      note(server, "freed", 0);
      table.print(System.out);
      double heap = (double) (sights[1].heap() - sights[0].heap()) / (MANY - FEW);
      double outside = (double) (sights[1].outside() - sights[0].outside()) / (MANY - FEW);
      System.out.printf(
          Locale.ROOT,
          "%nAn allocation: %.1f KiB of heap and %.1f KiB outside (aim: %d together).%n",
          heap / 1024,
          outside / 1024,
          AIM_BYTES / 1024);
    }
  }

  /** What is done while the allocations are there. */
  private interface Meanwhile {
    void run() throws IOException, InterruptedException;
  }

  private void hold(MeasuredServer server, int count, Meanwhile meanwhile)
      throws IOException, InterruptedException {
    Process load = server.load(turnload, "allocs --channels --hold --count " + count);
    try (BufferedReader out = load.inputReader()) {
      if (MeasuredServer.field(out.readLine(), "holding") != count) {
        throw new IOException("the server did not give " + count + " allocations");
      }
      meanwhile.run();
      load.getOutputStream().close();
      if (MeasuredServer.field(out.readLine(), "delete_failed") != 0 || load.waitFor() != 0) {
        throw new IOException("the allocations were not freed");
      }
    } finally {
      load.destroy();
    }
  }

  private Sight note(MeasuredServer server, String when, int count)
      throws IOException, InterruptedException {
    Sight sight = Sight.of(server);
    System.out.printf("%,d allocations %s: %s%n", count, when, sight);
    table.row(
        when,
        String.format(Locale.ROOT, "%,d", count),
        mib(sight.heap()),
        mib(sight.outside()),
        String.format(Locale.ROOT, "%.0f", sight.resident() / MIB),
        String.format(Locale.ROOT, "%,d", sight.descriptors()));
    return sight;
  }

  private static String mib(long bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / MIB);
  }
}
