package dev.frazil.lab;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * A JVM that a relay is measured on.
 *
 * @param home the folder of the JDK
 * @param release its feature release
 * @param engine as {@code frazil serve} takes it
 */
record ServeJvm(String home, int release, String engine) {
  private static final int OLDEST_FOR_LINUX = 22;

  /** The JDK which this program runs on, and the best engine that it has. */
  static ServeJvm own() throws IOException {
    return parse(System.getProperty("java.home"));
  }

  /** {@code JAVA_HOME[:ENGINE]}. The Linux engine was built when this program, too, runs on a JDK that has it. */
  static ServeJvm parse(String given) throws IOException {
    String[] parts = given.split(":", 2);
    int release = release(parts[0]);
    int oldest = Math.min(release, Runtime.version().feature());
    String best = oldest < OLDEST_FOR_LINUX ? "epoll" : "linux";
    return new ServeJvm(parts[0], release, parts.length > 1 ? parts[1] : best);
  }

  private static int release(String home) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of(home, "release"))) {
      return lines
          .filter(line -> line.startsWith("JAVA_VERSION="))
          .map(line -> Integer.valueOf(line.replaceAll("[^0-9.]", "").split("\\.")[0]))
          .findFirst()
          .orElseThrow();
    }
  }

  /** What a table calls it. */
  String name() {
    return engine + "-" + release;
  }

  /** A program of the JDK. */
  String program(String name) {
    return Path.of(home, "bin", name).toString();
  }

  /** What starts {@code frazil serve}; {@code FRAZIL_JAVA_OPTS} adds options for the JVM. */
  String serve(String jvmOptions, String options) {
    return java(jvmOptions) + " dev.frazil.cli.Main serve " + options + " --engine " + engine;
  }

  /** What starts {@link BareRelay}. */
  String bareRelay(String port, String napMicros) {
    String constant = engine.toUpperCase(Locale.ROOT).replace('-', '_');
    return java("") + " " + String.join(" ", BareRelay.class.getName(), port, constant, napMicros);
  }

  private String java(String jvmOptions) {
    String natives = release < OLDEST_FOR_LINUX ? "" : "--enable-native-access=ALL-UNNAMED";
    String unsafe = release < 23 ? "" : "--sun-misc-unsafe-memory-access=allow";
    String given = System.getenv().getOrDefault("FRAZIL_JAVA_OPTS", "");
    String path = System.getProperty("java.class.path");
    return String.join(" ", program("java"), natives, unsafe, given, jvmOptions, "-cp", path)
        .replaceAll(" +", " ");
  }

  /** Writes a file of lab/src/main/turn to a folder. */
  static Path copy(String file, Path folder) throws IOException {
    try (InputStream in =
        Objects.requireNonNull(ServeJvm.class.getResourceAsStream("turn/" + file))) {
      Files.copy(in, folder.resolve(file));
    }
    return folder.resolve(file);
  }

  /** Compiles a program of lab/src/main/turn, named without its ending. */
  static Path compile(String program, Path folder) throws IOException, InterruptedException {
    Path compiled = folder.resolve(program);
    String source = copy(program + ".c", folder).toString();
    Process compiler = new ProcessBuilder(
            List.of("cc", "-O2", "-o", compiled.toString(), source, "-lm"))
        .inheritIO()
        .start();
    if (compiler.waitFor() != 0) {
      throw new IOException(
          program + " can't be built: cc is needed (apt-get install gcc libc6-dev)");
    }
    return compiled;
  }
}
