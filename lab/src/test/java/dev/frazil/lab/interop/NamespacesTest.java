package dev.frazil.lab.interop;

import static java.nio.file.StandardWatchEventKinds.ENTRY_CREATE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_DELETE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A test leaves the machine as it was. */
@Tag("interop")
@Execution(ExecutionMode.CONCURRENT)
class NamespacesTest {
  private static final Path NAMES = Path.of("/run/netns");
  private static final Duration LONG_ENOUGH = Duration.ofSeconds(60);

  @BeforeAll
  static void needNamespaces() {
    String missing = Namespaces.missing();
    assumeTrue(missing == null, missing);
  }

  @Test
  void closedNetworkLeavesNoNamespace() {
    String segment;
    try (TestNetwork network =
        new TestNetwork(Nat.MASQUERADE, Nat.RANDOM, EnumSet.allOf(TestNetwork.Family.class))) {
      segment = network.segment();
      assertThat(namesLike(segment.replace("segment", ""))).hasSize(5);
    }
    assertThat(namesLike(segment.replace("segment", ""))).isEmpty();
  }

  @Test
  void killedRunLeavesNoNamespace() throws IOException, InterruptedException {
    Process run = new ProcessBuilder(
            Jdk.running().java(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Cross.class.getName(),
            "--nat=masquerade")
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
    try (WatchService changes = NAMES.getFileSystem().newWatchService()) {
      NAMES.register(changes, ENTRY_CREATE, ENTRY_DELETE);
      String ours = "frz" + run.pid() + "x";
      awaitNames(changes, ours, names -> names.stream().anyMatch(name -> name.endsWith("rightgw")));
      run.destroyForcibly();
      awaitNames(changes, ours, List::isEmpty);
    } finally {
      run.destroyForcibly();
    }
  }

  private static void awaitNames(
      WatchService changes, String prefix, Predicate<List<String>> condition)
      throws InterruptedException {
    while (!condition.test(namesLike(prefix))) {
      WatchKey key = changes.poll(LONG_ENOUGH.toSeconds(), TimeUnit.SECONDS);
      assertThat(key).as("a change of the names %s", namesLike(prefix)).isNotNull();
      key.pollEvents();
      key.reset();
    }
  }

  private static List<String> namesLike(String prefix) {
    try (Stream<Path> names = Files.list(NAMES)) {
      return names
          .map(name -> name.getFileName().toString())
          .filter(name -> name.startsWith(prefix))
          .toList();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }
}
