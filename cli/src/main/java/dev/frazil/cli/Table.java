package dev.frazil.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Help.Ansi;

/** Rows of aligned columns, under a heading if there is one. Cells may hold picocli's markup ({@code @|green direct|@}). */
final class Table {
  private static final String GAP = "  ";

  private final Ansi ansi;
  private final List<List<Ansi.Text>> rows = new ArrayList<>();

  Table(Ansi ansi, String... heading) {
    this.ansi = ansi;
    if (heading.length > 0) {
      rows.add(texts(Arrays.stream(heading).map(cell -> "@|bold " + cell + "|@").toList()));
    }
  }

  /** Text from elsewhere, so that nothing in it is taken for markup. */
  static String plain(String text) {
    return text.replace("@|", "@ |").replace("|@", "| @");
  }

  Table row(String... cells) {
    rows.add(texts(List.of(cells)));
    return this;
  }

  void print(PrintWriter out, String indent) {
    int columns = rows.stream().mapToInt(List::size).max().orElse(0);
    int[] widths = new int[columns];
    rows.forEach(row -> {
      for (int i = 0; i < row.size(); i++) {
        widths[i] = Math.max(widths[i], width(row.get(i)));
      }
    });
    rows.forEach(row -> out.println((indent + line(row, widths)).stripTrailing()));
  }

  private static String line(List<Ansi.Text> row, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < row.size(); i++) {
      boolean last = i == row.size() - 1;
      line.append(row.get(i)).append(last ? "" : " ".repeat(widths[i] - width(row.get(i))) + GAP);
    }
    return line.toString();
  }

  private List<Ansi.Text> texts(List<String> cells) {
    return cells.stream().map(ansi::text).toList();
  }

  private static int width(Ansi.Text text) {
    return text.plainString().length();
  }
}
