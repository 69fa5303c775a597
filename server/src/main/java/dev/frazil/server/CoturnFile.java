package dev.frazil.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** A {@code turnserver.conf}, line by line as coturn reads it: {@code name}, {@code name=value} or {@code name value}. */
final class CoturnFile {
  private static final Set<String> YES = Set.of("1", "on", "yes", "true", "t", "y");
  private static final Set<String> NO = Set.of("0", "off", "no", "false", "f", "n");

  /**
   * An option.
   *
   * @param value empty where there is none
   * @param place the file, the line and the option, for messages
   */
  record Line(String name, String value, String place) {
    /** Whether a flag is on: it is without a value. */
    boolean isOn() throws ConfigurationException {
      String word = value.toLowerCase(Locale.ROOT);
      if (word.isEmpty() || YES.contains(word)) {
        return true;
      } else if (NO.contains(word)) {
        return false;
      }
      throw new ConfigurationException(place + ": has to be yes or no");
    }
  }

  private CoturnFile() {}

  static List<Line> read(Path file) throws IOException {
    List<Line> lines = new ArrayList<>();
    int number = 0;
    // Comments are in whatever encoding somebody's editor had.
    for (String text : Files.readString(file, StandardCharsets.ISO_8859_1).split("\\R", -1)) {
      number++;
      String line = new String(text.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
      line = line.strip();
      if (!line.isEmpty() && line.charAt(0) != '#') {
        lines.add(line(file, number, line));
      }
    }
    return lines;
  }

  private static Line line(Path file, int number, String text) {
    int end = 0;
    while (end < text.length() && "= \t".indexOf(text.charAt(end)) < 0) {
      end++;
    }
    int start = end;
    while (start < text.length() && "= \t".indexOf(text.charAt(start)) >= 0) {
      start++;
    }
    String name = text.substring(0, end).replaceFirst("^--", "");
    String value = text.substring(start);
    if (value.length() > 1 && value.startsWith("\"") && value.endsWith("\"")) {
      value = value.substring(1, value.length() - 1);
    }
    return new Line(name, value, file + ":" + number + ": " + name);
  }
}
