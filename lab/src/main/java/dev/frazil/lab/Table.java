package dev.frazil.lab;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** A table of text, printed as Markdown with its columns lined up. */
final class Table {
  private final List<String[]> rows = new ArrayList<>();
  private final int[] widths;

  Table(String... heads) {
    widths = new int[heads.length];
    row((Object[]) heads);
  }

  /** Adds a line. */
  void row(Object... cells) {
    String[] row = new String[widths.length];
    for (int i = 0; i < row.length; i++) {
      row[i] = String.valueOf(cells[i]);
      widths[i] = Math.max(widths[i], row[i].length());
    }
    rows.add(row);
  }

  /** Prints the lines so far. */
  void print(PrintStream out) {
    for (int i = 0; i < rows.size(); i++) {
      StringBuilder line = new StringBuilder("|");
      for (int column = 0; column < widths.length; column++) {
        String cell = rows.get(i)[column];
        line.append(' ')
            .append(cell)
            .append(" ".repeat(widths[column] - cell.length()))
            .append(" |");
      }
      out.println(line);
      if (i == 0) {
        StringBuilder rule = new StringBuilder("|");
        for (int width : widths) {
          rule.append("-".repeat(width + 2)).append('|');
        }
        out.println(rule);
      }
    }
  }
}
