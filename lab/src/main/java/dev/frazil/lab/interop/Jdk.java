package dev.frazil.lab.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Java on this machine.
 *
 * @param feature its feature release, such as 17
 */
record Jdk(Path home, int feature) {
  private static final Pattern VERSION = Pattern.compile("JAVA_VERSION=\"(\\d+)");

  /** The one that runs this. */
  static Jdk running() {
    return new Jdk(Path.of(System.getProperty("java.home")), Runtime.version().feature());
  }

  /** The newest with long-term support found beside the running one and in {@code /usr/lib/jvm}. */
  static Jdk newestLts() {
    return installed().stream()
        .filter(jdk -> (jdk.feature - 17) % 4 == 0)
        .max(Comparator.comparingInt(Jdk::feature))
        .orElseGet(Jdk::running);
  }

  /** One of that feature release. */
  static Optional<Jdk> of(int feature) {
    return installed().stream().filter(jdk -> jdk.feature == feature).findFirst();
  }

  String java() {
    return home.resolve("bin/java").toString();
  }

  private static List<Jdk> installed() {
    Path beside = running().home.getParent();
    return Stream.concat(
            Stream.of(running()), Stream.of(beside, Path.of("/usr/lib/jvm")).flatMap(Jdk::within))
        .toList();
  }

  private static Stream<Jdk> within(Path folder) {
    try (Stream<Path> homes = Files.list(folder)) {
      return homes.map(Jdk::at).filter(Objects::nonNull).toList().stream();
    } catch (IOException noFolder) {
      return Stream.empty();
    }
  }

  private static @Nullable Jdk at(Path home) {
    try {
      Matcher version = VERSION.matcher(Files.readString(home.resolve("release")));
      boolean runs = Files.isExecutable(home.resolve("bin/java")) && version.find();
      return runs ? new Jdk(home, Integer.parseInt(version.group(1))) : null;
    } catch (IOException noJdk) {
      return null;
    }
  }
}
