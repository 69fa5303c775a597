package dev.frazil.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Texts that the build makes and git keeps. */
public final class Recorded {
  private Recorded() {}

  /** The root of the project, found upwards from where the test runs. */
  public static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve(".mvn"))) {
      folder = folder.getParent();
    }
    return folder;
  }

  /** Compares a text with the file that records it; {@code ./test --write} writes the file instead. */
  public static void check(String file, String text) throws IOException {
    Path path = root().resolve(file);
    if (Boolean.getBoolean("frazil.write")) {
      Files.createDirectories(path.getParent());
      Files.writeString(path, text);
      return;
    }
    assertThat(Files.exists(path) ? Files.readString(path) : "")
        .as("%s is out of date; look at the difference, then: ./test --write", file)
        .isEqualTo(text);
  }
}
