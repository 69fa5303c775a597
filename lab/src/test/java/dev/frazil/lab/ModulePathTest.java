package dev.frazil.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.IceSession;
import dev.frazil.testkit.VirtualInternet;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The module descriptors name all that a module needs that uses Frazil. */
class ModulePathTest {
  private static final List<Class<?>> MODULES =
      List.of(IpAddress.class, IceSession.class, VirtualInternet.class);
  private static final Pattern OTHERS = Pattern.compile("netty-|bc(tls|util|prov|pkix)-");

  @TempDir
  private Path folder;

  @Test
  void moduleThatRequiresFrazilCompilesAndRunsOnTheModulePath() throws Exception {
    write("module-info.java", """
        module consumer {
          requires dev.frazil.netty;
          requires dev.frazil.testkit;
        }
        """);
    write("consumer/Main.java", """
        package consumer;

        import dev.frazil.ice.Role;
        import dev.frazil.netty.IceRuntime;
        import dev.frazil.netty.IceSession;
        import dev.frazil.testkit.VirtualInternet;

        public final class Main {
          public static void main(String[] arguments) throws Exception {
            try (IceRuntime runtime = IceRuntime.create();
                IceSession session =
                    IceSession.builder(runtime).role(Role.CONTROLLING).loopback(true).build()) {
              session.start();
              int candidates = session.gathered().get().size();
              long now = new VirtualInternet(1).now();
              System.out.println(candidates > 0 && now >= 0 ? "works" : "finds nothing");
            }
          }
        }
        """);
    String path = modulePath();
    StringWriter complaints = new StringWriter();
    PrintWriter err = new PrintWriter(complaints);
    int compiled = ToolProvider.findFirst("javac")
        .orElseThrow()
        .run(
            err,
            err,
            "-p",
            path,
            "-d",
            folder + "/classes",
            folder + "/module-info.java",
            folder + "/consumer/Main.java");
    assertThat(compiled).as(complaints.toString()).isZero();
    assertThat(run(folder + "/classes" + File.pathSeparator + path)).endsWith("works\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  /** Frazil's modules and the jars that they stand on: what a build tool would give such a consumer. */
  private static String modulePath() {
    Stream<String> frazil = MODULES.stream().map(ModulePathTest::location);
    Stream<String> others = Arrays.stream(
            System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> OTHERS.matcher(Path.of(entry).getFileName().toString()).lookingAt());
    return Stream.concat(frazil, others).collect(Collectors.joining(File.pathSeparator));
  }

  private static String location(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI())
          .toString();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static String run(String path) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-p",
            path,
            "-m",
            "consumer/consumer.Main")
        .redirectErrorStream(true)
        .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(out).isZero();
    return out;
  }
}
