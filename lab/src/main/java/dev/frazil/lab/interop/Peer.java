package dev.frazil.lab.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;

/**
 * A running peer: lines go in by {@link #send}, what came out is the {@link #report}. Thread-safe.
 *
 * <p>Closing it kills the process if {@link #stop} has not ended it before.
 */
final class Peer implements AutoCloseable {
  private static final Duration STARTING = Duration.ofMinutes(5);
  private static final Duration STOPPING = Duration.ofSeconds(10);

  private final String side;
  private final Process process;
  private final Transcript transcript;
  private PeerReport report = PeerReport.EMPTY;
  private volatile Consumer<String> signalling = line -> {};

  private Peer(String side, Process process, Transcript transcript) {
    this.side = side;
    this.process = process;
    this.transcript = transcript;
    read(process.getInputStream(), this::handleLine);
    read(process.getErrorStream(), line -> transcript.add(side, "!!", line));
  }

  /** Starts a program within a namespace; {@code side} is its name in the transcript. */
  static Peer start(String side, String namespace, List<String> command, Transcript transcript) {
    try {
      Process process = new ProcessBuilder(Namespaces.enter(namespace, command)).start();
      return new Peer(side, process, transcript);
    } catch (IOException cannotStart) {
      throw new IllegalStateException(side + " cannot be started", cannotStart);
    }
  }

  /** Where the peer's signalling lines go from now on. */
  void onSignalling(Consumer<String> receiver) {
    signalling = receiver;
  }

  /** Gives the peer a line. One that has ended no longer hears it. */
  void send(String line) {
    transcript.add(side, "->", line);
    OutputStream stdin = process.getOutputStream();
    synchronized (stdin) {
      try {
        stdin.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        stdin.flush();
      } catch (IOException ended) {
        transcript.add(side, "!!", "does not read any more: " + ended.getMessage());
      }
    }
  }

  /** What the peer has said so far. */
  PeerReport report() {
    synchronized (transcript) {
      return report;
    }
  }

  void awaitHello() {
    if (!await(STARTING, now -> now.has("hello"))) {
      throw new IllegalStateException(side + " does not say hello:\n" + transcript);
    }
  }

  /** Waits until the report is as asked for; false when the time is over, or the peer has ended, before. */
  boolean await(Duration limit, Predicate<PeerReport> condition) {
    transcript.await(limit, () -> condition.test(report) || report.ended());
    return condition.test(report());
  }

  /** Tells the peer to stop, waits for its end and notes exit code and time in the report. */
  void stop() {
    long begin = System.nanoTime();
    send("{\"type\":\"stop\"}");
    try {
      if (process.waitFor(STOPPING.toMillis(), TimeUnit.MILLISECONDS)) {
        Duration took = Duration.ofNanos(System.nanoTime() - begin);
        transcript.add(
            side, "<-", "exit " + process.exitValue() + " after " + took.toMillis() + " ms");
        update(now -> now.withExit(process.exitValue(), took));
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  private void handleLine(String line) {
    transcript.add(side, "<-", line);
    JsonNode parsed = PeerLines.parse(line);
    update(now -> now.with(parsed));
    switch (parsed.path("type").asString("")) {
      case "credentials", "candidate", "end-of-candidates" -> signalling.accept(line);
      default -> {}
    }
  }

  private void update(UnaryOperator<PeerReport> change) {
    transcript.update(() -> report = change.apply(report));
  }

  private void read(InputStream stream, Consumer<String> receiver) {
    Thread thread = new Thread(
        () -> {
          try (BufferedReader in =
              new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            in.lines().forEach(receiver);
          } catch (IOException | UncheckedIOException ended) {
            // The process is gone.
          }
          if (stream == process.getInputStream()) {
            update(PeerReport::withEnd);
          }
        },
        "read-" + side);
    thread.setDaemon(true);
    thread.start();
  }
}
