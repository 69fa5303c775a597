package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Help.Ansi;

class TableTest {
  private static String print(Ansi ansi) {
    StringWriter text = new StringWriter();
    new Table(ansi, "one", "two", "three")
        .row("@|green long cell|@", "x", Table.plain("@|red evil|@"))
        .print(new PrintWriter(text), "  ");
    return text.toString();
  }

  @Test
  void columnsAreAlignedWithoutTrailingSpaces() {
    assertThat(print(Ansi.OFF).lines())
        .containsExactly("  one        two  three", "  long cell  x    @ |red evil| @");
  }

  @Test
  void coloursDoNotChangeTheAlignment() {
    String coloured = print(Ansi.ON);
    assertThat(coloured).contains("\u001b[32m");
    assertThat(coloured.replaceAll("\u001b\\[[0-9;]*m", "")).isEqualTo(print(Ansi.OFF));
  }
}
