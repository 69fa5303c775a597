package dev.frazil.netty;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The sockets that this process has open, as Linux tells. */
final class Descriptors {
  private static final Path FOLDER = Path.of("/proc/self/fd");

  private Descriptors() {}

  static List<String> sockets() throws IOException {
    Assumptions.assumeTrue(Files.isDirectory(FOLDER), "only Linux tells");
    return open().stream().filter(name -> name.startsWith("socket:")).toList();
  }

  static List<String> open() throws IOException {
    Assumptions.assumeTrue(Files.isDirectory(FOLDER), "only Linux tells");
    List<String> names = new ArrayList<>();
    try (Stream<Path> files = Files.list(FOLDER)) {
      for (Path file : files.toList()) {
        try {
          names.add(Files.readSymbolicLink(file).toString());
        } catch (IOException e) {
          continue; // it was closed meanwhile
        }
      }
    }
    return names;
  }
}
