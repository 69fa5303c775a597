package dev.frazil.lab.interop;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A program that speaks the peer protocol.
 *
 * @param name what it is called on the command line and in test names
 * @param command how it is started, without its arguments
 * @param missing what this machine lacks to run it; null when it can run
 */
record PeerProgram(
    String name, List<String> command, @Nullable String missing) {
  private static final String CLI = "dev.frazil.cli.Main";

  /** Debian's own Python: only that one sees the packages of Debian. */
  private static final String PYTHON = "/usr/bin/python3";

  PeerProgram {
    command = List.copyOf(command);
  }

  /** Whether it throws away payloads that come before its own check to their sender has succeeded. */
  boolean dropsEarlyPayloads() {
    return name.equals("ice4j");
  }

  /** Frazil's own agent on the given JDK. */
  static PeerProgram frazil(Jdk jdk) {
    List<String> command = new ArrayList<>(java(jdk, CLI));
    command.addAll(List.of("agent", "--stdio"));
    return new PeerProgram(
        "frazil" + jdk.feature(),
        command,
        isPresent(CLI) ? null : CLI + " is not on the class path");
  }

  /** Frazil on the JDK of that release, which may be missing. */
  static PeerProgram frazil(int feature) {
    return Jdk.of(feature)
        .map(PeerProgram::frazil)
        .orElseGet(
            () -> new PeerProgram("frazil" + feature, List.of(), "no JDK " + feature + " found"));
  }

  static PeerProgram ice4j() {
    return new PeerProgram("ice4j", java(Jdk.running(), Ice4jPeer.class.getName()), null);
  }

  static PeerProgram aioice() {
    boolean there = Commands.succeeds(PYTHON, "-c", "import aioice");
    return new PeerProgram(
        "aioice",
        List.of(PYTHON, PeerSources.file("aioice/peer.py").toString()),
        there ? null : "aioice is missing (package python3-aioice)");
  }

  static PeerProgram libnice() {
    Optional<String> missing = PeerSources.missingForLibnice();
    return missing.isPresent()
        ? new PeerProgram("libnice", List.of(), missing.get())
        : new PeerProgram("libnice", List.of(PeerSources.libnice().toString()), null);
  }

  /** Frazil's STUN server, for the test networks. */
  static PeerProgram stunServer() {
    return new PeerProgram("stun", java(Jdk.running(), SegmentStun.class.getName()), null);
  }

  /** {@code frazil serve}: UDP, TCP and TLS, with a certificate made for it. */
  static PeerProgram turnServer() {
    List<String> command = new ArrayList<>(java(Jdk.running(), CLI));
    command.addAll(List.of("serve", "--listen", TestNetwork.server4(), "--control", "off"));
    command.addAll(List.of("--user", TestNetwork.TURN_USER + ":" + TestNetwork.TURN_PASSWORD));
    command.addAll(List.of("--cert", serverCertificate().toString()));
    command.addAll(List.of("--key", PeerSources.key().toString()));
    return new PeerProgram(
        "frazil-turn",
        untilItAnswers("frazil-turn", command),
        isPresent(CLI) ? null : CLI + " is not on the class path");
  }

  /** Debian's coturn: UDP, TCP and TLS, with a certificate made for it. */
  static PeerProgram coturn() {
    if (Commands.tryRun("", List.of("turnserver", "--version")).exitCode() == 127) {
      return new PeerProgram("coturn", List.of(), "turnserver is missing (package coturn)");
    }
    String here = TestNetwork.server4();
    List<String> command = new ArrayList<>(List.of(
        "turnserver", "-n", "-L", here, "-E", here, "-p", "3478", "-a", "-r", "example.org"));
    command.addAll(List.of("-u", TestNetwork.TURN_USER + ":" + TestNetwork.TURN_PASSWORD));
    command.addAll(List.of("--tls-listening-port", "5349"));
    command.addAll(List.of("--cert", serverCertificate().toString()));
    command.addAll(List.of("--pkey", PeerSources.key().toString()));
    command.addAll(List.of("--pidfile", serverCertificate() + ".pid", "--log-file", "/dev/null"));
    command.addAll(List.of("--no-cli", "--no-multicast-peers", "--no-stdout-log"));
    return new PeerProgram("coturn", untilItAnswers("coturn", command), null);
  }

  /** The certificate of the TURN servers, as {@code --trust} takes it. */
  static Path serverCertificate() {
    return PeerSources.certificate();
  }

  /**
   * Servers don't say hello as peers do, so a shell looks whether the last of their ports is there; and asks them once
   * itself (an Allocate of no user), so that their first client does not wait for classes to be loaded.
   */
  private static List<String> untilItAnswers(String name, List<String> command) {
    String script = """
        ( while kill -0 $$ 2>/dev/null && ! ss -ltn | grep -q ':5349 '; do sleep 0.05; done
          exec 3<>/dev/udp/%s/3478
          printf '\\0\\3\\0\\0\\x21\\x12\\xa4\\x42.transaction' >&3
          timeout 10 head -c 1 <&3 >/dev/null
          echo '{"type":"hello","driver":"'$0'"}' ) &
        exec "$@" >/dev/null
        """.formatted(TestNetwork.server4());
    List<String> shell = new ArrayList<>(List.of("bash", "-c", script, name));
    shell.addAll(command);
    return shell;
  }

  /**
   * The program of that name.
   *
   * @throws IllegalArgumentException when there is none
   */
  static PeerProgram named(String name) {
    if (name.matches("frazil\\d+")) {
      return frazil(Integer.parseInt(name.substring("frazil".length())));
    }
    return switch (name) {
      case "frazil" -> frazil(Jdk.running());
      case "ice4j" -> ice4j();
      case "aioice" -> aioice();
      case "libnice" -> libnice();
      case "frazil-turn" -> turnServer();
      case "coturn" -> coturn();
      default ->
        throw new IllegalArgumentException(
            "peer " + name + ": must be frazil, frazilN (on JDK N), libnice, aioice or ice4j");
    };
  }

  private static List<String> java(Jdk jdk, String mainClass) {
    List<String> command =
        new ArrayList<>(List.of(jdk.java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    if (jdk.feature() >= 22) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
    return command;
  }

  private static boolean isPresent(String className) {
    return PeerProgram.class.getResource("/" + className.replace('.', '/') + ".class") != null;
  }

  /** The sources of the peers that are not Java, put where they can be run or compiled. */
  private static final class PeerSources {
    private static @Nullable Path folder;
    private static @Nullable Path libnice;
    private static @Nullable Path certificate;

    /** Copies a source out of the class path. */
    static synchronized Path file(String name) {
      try (InputStream source = PeerProgram.class.getResourceAsStream(name)) {
        if (source == null) {
          throw new IllegalStateException(name + " is not on the class path");
        }
        Path file = folder().resolve(name);
        if (!Files.exists(file)) {
          Files.createDirectories(file.getParent());
          Files.copy(source, file);
        }
        return file;
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
    }

    /** Makes the certificate, once. */
    static synchronized Path certificate() {
      Path made = certificate;
      if (made == null) {
        made = folder().resolve("certificate.pem");
        Commands.run(
            "",
            List.of(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=turn",
                "-addext",
                "subjectAltName=IP:" + TestNetwork.server4(),
                "-keyout",
                made.resolveSibling("key.pem").toString(),
                "-out",
                made.toString()));
        certificate = made;
      }
      return made;
    }

    static Path key() {
      return certificate().resolveSibling("key.pem");
    }

    private static synchronized Path folder() {
      Path present = folder;
      if (present == null) {
        try {
          present = Files.createTempDirectory("frazil-interop");
        } catch (IOException failure) {
          throw new UncheckedIOException(failure);
        }
        Path created = present;
        Runtime.getRuntime()
            .addShutdownHook(new Thread(() -> Commands.run("rm", "-r", created.toString())));
        folder = created;
      }
      return present;
    }

    static Optional<String> missingForLibnice() {
      if (!Commands.succeeds("gcc", "--version") || !Commands.succeeds("pkg-config", "--version")) {
        return Optional.of("gcc or pkg-config is missing");
      }
      return Commands.succeeds("pkg-config", "--exists", "nice")
          ? Optional.empty()
          : Optional.of("libnice is missing (package libnice-dev)");
    }

    /** Compiles the libnice peer, once. */
    static synchronized Path libnice() {
      Path compiled = libnice;
      if (compiled == null) {
        file("libnice/lines.h");
        Path lines = file("libnice/lines.c");
        Path peer = file("libnice/peer.c");
        compiled = peer.resolveSibling("peer");
        String version = Commands.run("pkg-config", "--modversion", "nice");
        List<String> gcc = new ArrayList<>(List.of("gcc", "-O1", "-Wall", "-Wextra", "-Werror"));
        gcc.addAll(List.of("-DLIBNICE_VERSION=\"" + version + "\"", "-o", compiled.toString()));
        gcc.addAll(List.of(peer.toString(), lines.toString()));
        gcc.addAll(
            List.of(Commands.run("pkg-config", "--cflags", "--libs", "nice").split(" +")));
        Commands.run("", gcc);
        libnice = compiled;
      }
      return compiled;
    }
  }
}
