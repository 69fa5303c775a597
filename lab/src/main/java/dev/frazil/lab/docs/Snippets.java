package dev.frazil.lab.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fills the Java blocks of a Markdown document from sources that are compiled and tested.
 *
 * <p>A block follows a comment {@code <!-- from path/of/Source.java -->} and holds what stands there between the lines
 * {@code // begin README} and {@code // end README}, with the common indent taken off.
 */
public final class Snippets {
  private static final Pattern BLOCK =
      Pattern.compile("(<!-- from (\\S+) -->\\n```java\\n)(.*?)(```\\n)", Pattern.DOTALL);
  private static final String BEGIN = "// begin README";
  private static final String END = "// end README";

  private Snippets() {}

  /**
   * The document with every block as its source has it.
   *
   * @param root what the paths in the document start from
   * @throws IllegalArgumentException when a source does not mark its part
   */
  public static String fill(String document, Path root) throws IOException {
    Matcher matcher = BLOCK.matcher(document);
    StringBuilder filled = new StringBuilder();
    while (matcher.find()) {
      String part = part(root.resolve(matcher.group(2)));
      matcher.appendReplacement(
          filled, Matcher.quoteReplacement(matcher.group(1) + part + matcher.group(4)));
    }
    return matcher.appendTail(filled).toString();
  }

  /** What stands between the lines of a source, with the common indent taken off. */
  static String part(Path source) throws IOException {
    List<String> lines = Files.readAllLines(source);
    List<String> trimmed = lines.stream().map(String::trim).toList();
    int begin = trimmed.indexOf(BEGIN);
    int end = trimmed.indexOf(END);
    if (begin < 0 || end < begin) {
      throw new IllegalArgumentException(
          source + " has no part between '" + BEGIN + "' and '" + END + "'");
    }
    return String.join("\n", lines.subList(begin + 1, end)).stripIndent() + "\n";
  }
}
