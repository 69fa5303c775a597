package dev.frazil.cli;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.Pipe;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import tools.jackson.databind.node.ObjectNode;

/** A peer under test, in this process or in one of its own, and every line that it printed. */
final class TestPeer implements AutoCloseable {
  /** Only a broken peer, or a machine far too busy, takes as long. */
  private static final long PATIENCE_SECONDS = 60;

  private final String name;
  private final OutputStream in;
  private final Runnable termination;
  private final Callable<Integer> exit;
  private final List<ObjectNode> lines = new ArrayList<>();
  private final List<String> raw = new ArrayList<>();
  private Predicate<ObjectNode> relay = line -> false;
  private @Nullable TestPeer other;
  private boolean ended;
  private int read;

  private TestPeer(
      String name, OutputStream in, InputStream out, Runnable termination, Callable<Integer> exit) {
    this.name = name;
    this.termination = termination;
    this.in = in;
    this.exit = exit;
    Thread reader = new Thread(() -> read(out), "reader of " + name);
    reader.setDaemon(true);
    reader.start();
  }

  /** Runs in this process. */
  static TestPeer inProcess(String... arguments) throws IOException {
    Pipe toPeer = Pipe.open();
    Pipe fromPeer = Pipe.open();
    AgentCommand command = new AgentCommand();
    new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .parseArgs(withStdio(arguments).toArray(String[]::new));
    CompletableFuture<Integer> exit = new CompletableFuture<>();
    Thread runner = new Thread(
        () -> {
          try (InputStream in = new BufferedInputStream(Channels.newInputStream(toPeer.source()));
              OutputStream out = Channels.newOutputStream(fromPeer.sink())) {
            command.run(command.settings(), in, out);
            exit.complete(0);
          } catch (IOException | RuntimeException | Error e) {
            exit.completeExceptionally(e);
          }
        },
        "peer " + String.join(" ", arguments));
    runner.setDaemon(true);
    runner.start();
    return new TestPeer(
        String.join(" ", arguments),
        Channels.newOutputStream(toPeer.sink()),
        Channels.newInputStream(fromPeer.source()),
        runner::interrupt,
        () -> exit.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
  }

  /** Runs in a process of its own. */
  static TestPeer process(String... arguments) throws IOException {
    Process process = new ProcessBuilder(PeerProcess.command(List.of(arguments)))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    return new TestPeer(
        String.join(" ", arguments),
        process.getOutputStream(),
        process.getInputStream(),
        process.toHandle()::destroy,
        () -> {
          if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new TimeoutException("still runs");
          }
          return process.exitValue();
        });
  }

  private static List<String> withStdio(String... arguments) {
    List<String> all = new ArrayList<>(List.of("--stdio"));
    all.addAll(List.of(arguments));
    return all;
  }

  /** From now on, and for what was said before too, what one of them tells the other reaches it. */
  static void cross(TestPeer a, TestPeer b) {
    a.relayTo(b, TestPeer::isSignalling);
    b.relayTo(a, TestPeer::isSignalling);
  }

  static boolean isSignalling(ObjectNode line) {
    return List.of("credentials", "candidate", "end-of-candidates").contains(type(line));
  }

  static String type(ObjectNode line) {
    return line.path("type").asString("");
  }

  /** Hands lines of a kind to another peer as they come. */
  synchronized void relayTo(TestPeer to, Predicate<ObjectNode> which) {
    other = to;
    relay = which;
    lines.stream().filter(which).forEach(line -> to.tell(Json.line(line)));
  }

  /** Starts both, crossed. */
  static void start(TestPeer a, TestPeer b) throws Exception {
    a.await("hello");
    b.await("hello");
    a.tell("{\"type\":\"start\"}");
    b.tell("{\"type\":\"start\"}");
    cross(a, b);
  }

  /** Gives it a line, as it is. */
  void tell(String line) {
    try {
      synchronized (in) {
        in.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        in.flush();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(name + " takes no line", e);
    }
  }

  private void read(InputStream out) {
    LineReader reader = new LineReader(new BufferedInputStream(out));
    try {
      for (String line = reader.next(); line != null; line = reader.next()) {
        add(line);
      }
    } catch (IOException e) {
      // The peer is gone.
    }
    synchronized (this) {
      ended = true;
      notifyAll();
    }
  }

  private void add(String line) {
    TestPeer to = null;
    synchronized (this) {
      raw.add(line);
      ObjectNode object = Json.parseObject(line);
      if (object != null) {
        lines.add(object);
        to = relay.test(object) ? other : null;
      }
      notifyAll();
    }
    if (to != null) {
      to.tell(line);
    }
  }

  /** Waits for the next line of a type behind the last that was waited for. */
  ObjectNode await(String type) throws Exception {
    return await(type, line -> true);
  }

  /** Waits for the next such line behind the last that was waited for. */
  synchronized ObjectNode await(String type, Predicate<ObjectNode> which) throws Exception {
    int found = find(read, type, which);
    read = found + 1;
    return lines.get(found);
  }

  /** Waits for a state, unless it was told already. */
  synchronized ObjectNode awaitState(String state) throws Exception {
    return lines.get(find(0, "state", line -> line.path("state").asString("").equals(state)));
  }

  private int find(int from, String type, Predicate<ObjectNode> which) throws Exception {
    int at = from;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (true) {
      for (; at < lines.size(); at++) {
        if (type(lines.get(at)).equals(type) && which.test(lines.get(at))) {
          return at;
        }
      }
      long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (ended || left <= 0) {
        throw new AssertionError(
            "no line of type " + type + (ended ? " before the end" : " in time") + " from " + name
                + ":\n" + String.join("\n", raw));
      }
      wait(left);
    }
  }

  /** Every line of a type so far. */
  synchronized List<ObjectNode> all(String type) {
    return lines.stream().filter(line -> type(line).equals(type)).toList();
  }

  /** Every line so far, JSON or not. */
  synchronized List<String> raw() {
    return List.copyOf(raw);
  }

  /** Waits for its end. */
  int exit() throws Exception {
    return exit.call();
  }

  /** Says stop and waits for its end. */
  int stop() throws Exception {
    tell("{\"type\":\"stop\"}");
    return exit();
  }

  /** Sends SIGTERM. */
  void terminate() {
    termination.run();
  }

  /** Ends its input. */
  @Override
  public void close() throws IOException {
    synchronized (in) {
      in.close();
    }
  }
}
