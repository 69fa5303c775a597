package dev.frazil.cli;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A process of its own that runs {@code frazil agent --stdio}, with the same JVM and classes as this one. */
final class PeerProcess implements AutoCloseable {
  /** The protocol gives a peer 2 s to stop; a busy machine gets a little more. */
  private static final long STOP_WAIT_MILLIS = 3000;

  private final String name;
  private final Process process;
  private final OutputStream in;

  /**
   * Starts it.
   *
   * @param listener gets each line and null at the end, on a thread of its own
   */
  PeerProcess(
      String name, List<String> arguments, BiConsumer<PeerProcess, @Nullable ObjectNode> listener)
      throws IOException {
    this.name = name;
    this.process = new ProcessBuilder(command(arguments))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    this.in = process.getOutputStream();
    Thread reader = new Thread(() -> read(listener), "frazil-reader-" + name);
    reader.setDaemon(true);
    reader.start();
  }

  /** The command line of an agent in a process of its own. */
  static List<String> command(List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (option.startsWith("-X") || option.startsWith("--")) {
        command.add(option);
      }
    }
    command.addAll(
        List.of("-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(Main.class.getName(), "agent", "--stdio"));
    command.addAll(arguments);
    return command;
  }

  private void read(BiConsumer<PeerProcess, @Nullable ObjectNode> listener) {
    LineReader lines = new LineReader(new BufferedInputStream(process.getInputStream()));
    try {
      for (String line = lines.next(); line != null; line = lines.next()) {
        ObjectNode object = Json.parseObject(line);
        if (object != null) {
          listener.accept(this, object);
        }
      }
    } catch (IOException e) {
      // The process is gone.
    }
    listener.accept(this, null);
  }

  String name() {
    return name;
  }

  /** Gives it a line; one that is gone gets none. */
  void tell(ObjectNode line) {
    try {
      in.write((Json.line(line) + "\n").getBytes(StandardCharsets.UTF_8));
      in.flush();
    } catch (IOException e) {
      // Its end is seen by the reader.
    }
  }

  void tell(String type) {
    tell(Json.object().put("type", type));
  }

  /** Ends it, by force if it does not stop by itself. */
  @Override
  public void close() {
    tell("stop");
    try {
      if (!process.waitFor(STOP_WAIT_MILLIS, TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** Ends it at once. */
  void kill() {
    process.destroyForcibly();
  }
}
