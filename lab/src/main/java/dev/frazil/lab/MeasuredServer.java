package dev.frazil.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A {@code frazil serve} on loopback, looked at from outside, and a load generator beside it. */
final class MeasuredServer implements AutoCloseable {
  private static final String USER = "load";
  private static final String PASSWORD = "opensesame";
  private static final Pattern LIVE = Pattern.compile("(?m)^Total +[0-9]+ +([0-9]+)");
  private static final Pattern OTHER =
      Pattern.compile("(?s)- +Other \\(reserved=[0-9]+KB, committed=([0-9]+)KB");

  private final ServeJvm jvm;
  private final int port;
  private final Process process;
  private boolean urgent;

  private MeasuredServer(ServeJvm jvm, int port, Process process) {
    this.jvm = jvm;
    this.port = port;
    this.process = process;
  }

  /** Starts it on the first CPU, and waits until it listens. */
  static MeasuredServer start(ServeJvm jvm, int port, String jvmOptions) throws IOException {
    String relay = "127.0." + port / 256 + "." + port % 256; // several may run
    String options = "--listen 127.0.0.1:" + port + " --transport udp --relay " + relay + " --user "
        + USER + ":" + PASSWORD + " --allow-loopback-peers --ports 10000-32767 --allocations 20000"
        + " --allocations-per-user 20000 --refusals-per-source 0 --control off";
    List<String> command =
        Stream.of(("taskset -c 0 " + jvm.serve(jvmOptions, options)).split(" ")).toList();
    Path log = Files.createTempFile("frazil", ".log");
    Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
    BufferedReader out = process.inputReader();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith("relaying")) {
        return new MeasuredServer(jvm, port, process);
      }
    }
    throw new IOException("the server did not start, its log is " + log);
  }

  /** Starts turnload on the second CPU. Its standard input and output are the caller's. */
  Process load(Path turnload, String options) throws IOException {
    String command = (urgent ? "chrt -f 10 " : "") + "taskset -c 1 " + turnload + " " + options
        + " --server 127.0.0.1:" + port + " --server-pid " + process.pid() + " --user " + USER
        + " --pass " + PASSWORD;
    return new ProcessBuilder(command.split(" "))
        .redirectError(Redirect.INHERIT)
        .start();
  }

  /**
   * Gives it and what loads it from now on real-time priority, if that is permitted: other work on the machine then costs no
   * time.
   */
  void hurry() throws IOException, InterruptedException {
    urgent = new ProcessBuilder("chrt", "-a", "-f", "-p", "10", Long.toString(process.pid()))
            .redirectErrorStream(true)
            .redirectOutput(Redirect.DISCARD)
            .start()
            .waitFor()
        == 0;
  }

  /** Bytes of the objects that are in use; collects the garbage to know. */
  long liveHeap() throws IOException, InterruptedException {
    return number(LIVE, ask("GC.class_histogram"));
  }

  /** Collects the garbage of the whole heap. */
  void collect() throws IOException, InterruptedException {
    ask("GC.run");
  }

  /**
   * Bytes that were taken outside of the heap through the JVM: direct buffers, Netty's pools, and the segments of the Linux
   * engine. The JVM has to track native memory.
   */
  long outsideHeap() throws IOException, InterruptedException {
    return 1024 * number(OTHER, ask("VM.native_memory summary scale=KB"));
  }

  /** Bytes of the whole process that are in memory. */
  long resident() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
      return lines
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst()
          .orElseThrow();
    }
  }

  long fileDescriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/" + process.pid() + "/fd"))) {
      return open.count();
    }
  }

  private String ask(String command) throws IOException, InterruptedException {
    Process jcmd = new ProcessBuilder(Stream.concat(
                Stream.of(jvm.program("jcmd"), Long.toString(process.pid())),
                Stream.of(command.split(" ")))
            .toList())
        .redirectErrorStream(true)
        .start();
    String answer = new String(jcmd.getInputStream().readAllBytes(), UTF_8);
    if (jcmd.waitFor() != 0) {
      throw new IOException(command + ": " + answer);
    }
    return answer;
  }

  private static long number(Pattern pattern, String text) throws IOException {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new IOException("no " + pattern + " in: " + text);
    }
    return Long.parseLong(matcher.group(1));
  }

  /** A number out of a line of turnload; NaN when it is not there. */
  static double field(@Nullable String json, String name) {
    Matcher matcher = Pattern.compile("\"" + name + "\":([-0-9.]+)").matcher(String.valueOf(json));
    return matcher.find() ? Double.parseDouble(matcher.group(1)) : Double.NaN;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%s at port %d", jvm.name(), port);
  }
}
