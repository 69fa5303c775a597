package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What a peer tells its harness: the lines of the agent protocol on standard output. Safe for use by several threads. */
final class PeerLines {
  /** No message needs more; it keeps every line far below the protocol's 64 KiB. */
  private static final int MAX_MESSAGE = 2000;

  private final OutputStream out;
  private volatile long start = System.nanoTime();

  PeerLines(OutputStream out) {
    this.out = out;
  }

  /** Times count from now. */
  void startClock() {
    start = System.nanoTime();
  }

  /** Milliseconds since the start, with three decimals. */
  double millis() {
    return Math.floor((System.nanoTime() - start) / 1e3) / 1e3;
  }

  void hello(String version) {
    print(line("hello").put("driver", "frazil").put("version", version));
  }

  void credentials(int generation, IceParameters local) {
    ObjectNode line = line("credentials").put("ufrag", local.ufrag()).put("pwd", local.password());
    if (local.lite()) {
      line.put("lite", true);
    }
    if (local.pacing() != null) {
      line.put("pacing", local.pacing());
    }
    if (local.options() != null) {
      line.set("options", Json.tree(local.options()));
    }
    print(of(generation, line));
  }

  void candidate(int generation, Candidate local) {
    printTimed(of(generation, line("candidate").put("sdp", local.toLine())));
  }

  void endOfCandidates(int generation) {
    printTimed(of(generation, line("end-of-candidates")));
  }

  void state(IceState state, @Nullable String message) {
    ObjectNode line = line("state").put("state", Json.name(state));
    printTimed(message == null ? line : line.put("message", cut(message)));
  }

  void selected(Candidate local, Candidate remote) {
    printTimed(line("selected").put("local", local.toLine()).put("remote", remote.toLine()));
  }

  void data(int bytes) {
    printTimed(line("data").put("bytes", bytes));
  }

  void echo(int sent, int received, @Nullable Double firstMillis) {
    ObjectNode line = line("echo").put("sent", sent).put("received", received);
    printTimed(firstMillis == null ? line : line.put("first_ms", firstMillis));
  }

  void error(String message) {
    print(line("error").put("message", cut(message)));
  }

  void info(ObjectNode members) {
    printTimed(line("info").setAll(members));
  }

  private static ObjectNode line(String type) {
    return Json.object().put("type", type);
  }

  private static ObjectNode of(int generation, ObjectNode line) {
    return generation == 0 ? line : line.put("generation", generation);
  }

  private static String cut(String message) {
    return message.length() > MAX_MESSAGE ? message.substring(0, MAX_MESSAGE) + "…" : message;
  }

  /** The time is taken while nobody else prints, so that it never goes back. */
  private void printTimed(ObjectNode line) {
    synchronized (out) {
      print(line.put("ms", millis()));
    }
  }

  private void print(ObjectNode line) {
    byte[] bytes = (Json.line(line) + "\n").getBytes(StandardCharsets.UTF_8);
    synchronized (out) {
      try {
        out.write(bytes);
        out.flush();
      } catch (IOException e) {
        // The harness is gone; the end of standard input will say so too.
      }
    }
  }
}
