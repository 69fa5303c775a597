package dev.frazil.server;

import java.util.List;
import java.util.regex.Pattern;

/** In which lines of a TOML file its keys and values stand, which its parser does not keep. */
final class TomlLines {
  private final List<String> lines;

  TomlLines(String text) {
    lines = text.lines().toList();
  }

  /** The line where a key of the file, or a table, begins; 1 when it is written in a way that is not understood. */
  int of(String key) {
    return Math.max(1, find(0, start(key)));
  }

  /** The line of a value, or of a key of a table; that of the first key when it can't be told. */
  int of(String key, String value) {
    int line = of(key);
    int found = find(line - 1, Pattern.compile(bounded(Pattern.quote(value))));
    return found == 0 ? line : found;
  }

  private int find(int from, Pattern pattern) {
    for (int i = from; i < lines.size(); i++) {
      if (pattern.matcher(lines.get(i)).find()) {
        return i + 1;
      }
    }
    return 0;
  }

  private static Pattern start(String key) {
    String name = "[\"']?" + Pattern.quote(key) + "[\"']?";
    return Pattern.compile("^\\s*(\\[\\s*" + name + "\\s*]|" + name + "\\s*[.=])");
  }

  private static String bounded(String quoted) {
    return "(?<![\\w.:/-])" + quoted + "(?![\\w.:/-])";
  }
}
