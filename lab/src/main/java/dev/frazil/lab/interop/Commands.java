package dev.frazil.lab.interop;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Short system commands, run to their end. */
final class Commands {
  private Commands() {}

  /**
   * Runs a command and answers what it printed.
   *
   * @throws IllegalStateException when it ends with another code than 0
   */
  static String run(String input, List<String> command) {
    Result result = tryRun(input, command);
    if (result.exitCode() != 0) {
      throw new IllegalStateException("%s ended with %d: %s"
          .formatted(String.join(" ", command), result.exitCode(), result.output()));
    }
    return result.output();
  }

  static String run(String... command) {
    return run("", List.of(command));
  }

  /** Whether the command is there and ends with 0. */
  static boolean succeeds(String... command) {
    return tryRun("", List.of(command)).exitCode() == 0;
  }

  /** Runs a command; one that cannot be started ends with 127, as in a shell. */
  static Result tryRun(String input, List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      try (OutputStream stdin = process.getOutputStream()) {
        stdin.write(input.getBytes(StandardCharsets.UTF_8));
      }
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return new Result(process.waitFor(), output);
    } catch (IOException cannotStart) {
      return new Result(127, String.valueOf(cannotStart.getMessage()));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(
          new IOException("interrupted while running " + command, interrupted));
    }
  }

  record Result(int exitCode, String output) {}
}
