package dev.frazil.lab.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConformanceTest {
  private static final String HEADER = "id\trfc\tsection\tlevel\tactor\trequirement\thow\tnote\n";

  @TempDir
  private Path folder;

  @BeforeEach
  void smallLedger() throws IOException {
    write(
        "stun.tsv",
        HEADER + row("STUN-0010", "MUST") + row("STUN-0020", "MAY") + row("STUN-0030", "VOID"));
    write("ice.tsv", HEADER + row("ICE-0010", "MUST"));
    write("trickle-signalling.tsv", HEADER);
    write("turn.tsv", HEADER);
    write("notes.tsv", "id\tstate\treason\n");
  }

  @Test
  void tagsAreFoundOnMethodsClassesAndNestedClassesInEveryForm() throws IOException {
    write("test/A.java", """
        import org.junit.jupiter.api.Tag;
        @Tag("STUN-0010")
        class A {
          @Tag("STUN-0020") @Tag(value = "ICE-0010") @Tag("slow") void first() {}
          @org.junit.jupiter.api.Tags({@Tag("STUN-0030"), @Tag("STUN-0010")}) void second() {}
          class Inner {
            @Tag("ICE-0010") void third() {} // @Tag("ICE-0099")
          }
          String text = "@Tag(\\"ICE-0098\\")";
        }
        """);
    Citations citations = scan();
    assertThat(citations.ids()).containsExactly("ICE-0010", "STUN-0010", "STUN-0020", "STUN-0030");
    assertThat(citations.tests("ICE-0010")).containsExactly("A.Inner.third", "A.first");
    assertThat(citations.tests("STUN-0010")).containsExactly("A", "A.second");
  }

  @Test
  void unknownIdsAndTestsOfRowsVoidOrLeftOutAreContradictions() throws IOException {
    write("notes.tsv", "id\tstate\treason\nSTUN-0020\tleft out\tlater\n");
    cite("STUN-0010", "STUN-0020", "STUN-0030", "ICE-0020", "TURN-12");
    assertThat(new Conformance(ledger(), scan()).contradictions())
        .containsExactly(
            "ICE-0020 is in no ledger, but cited by A.test",
            "STUN-0020 is noted as left out, but cited by A.test",
            "STUN-0030 was dropped, but is cited by A.test",
            "TURN-12 is in no ledger, but cited by A.test");
  }

  @Test
  void pageCountsAndShowsEachState() throws IOException {
    write("notes.tsv", "id\tstate\treason\nSTUN-0010\tpartly\tno TCP\nICE-0010\tleft out\tlater\n");
    cite("STUN-0010");
    assertThat(new Conformance(ledger(), scan()).page().lines())
        .contains(
            "| STUN | 3 | 1 | 1 | 0 | 1 |",
            "| all | 4 | 1 | 1 | 1 | 1 |",
            "| STUN-0010 | RFC 8489 5 | agent | MUST | a \\| b | shown; partly: no TCP | A.test |",
            "| STUN-0020 | RFC 8489 5 | agent | MAY | a \\| b | open |  |",
            "| STUN-0030 | RFC 8489 5 | agent | VOID | a \\| b | void |  |",
            "| ICE-0010 | RFC 8489 5 | agent | MUST | a \\| b | left out: later |  |");
  }

  @Test
  void rangesInNotesCoverEveryRowBetween() throws IOException {
    write("notes.tsv", "id\tstate\treason\nSTUN-0010..STUN-0030\tdeparts\tso\n");
    assertThat(ledger().note("STUN-0020")).isEqualTo(new Note(Note.State.DEPARTS, "so"));
    assertThat(ledger().note("ICE-0010")).isNull();
  }

  @Test
  void malformedFilesAreRefusedWithFileAndLine() throws IOException {
    write("notes.tsv", "id\tstate\treason\nSTUN-0011\tleft out\tx\n");
    assertThatThrownBy(this::ledger)
        .hasMessageContaining("notes.tsv:2")
        .hasMessageContaining("STUN-0011");
    write("ice.tsv", HEADER + row("STUN-0010", "MUST"));
    assertThatThrownBy(this::ledger)
        .hasMessageContaining("ice.tsv:2")
        .hasMessageContaining("there already");
    write("ice.tsv", HEADER + "ICE-0010\t8445\n");
    assertThatThrownBy(this::ledger)
        .hasMessageContaining("ice.tsv:2")
        .hasMessageContaining("8 columns");
  }

  private static String row(String id, String level) {
    return String.join("\t", id, "8489", "5", level, "agent", "a | b", "U: x", "") + "\n";
  }

  private void cite(String... ids) throws IOException {
    write(
        "test/A.java",
        "class A {\n@Tag(\"" + String.join("\") @Tag(\"", ids) + "\") void test() {}\n}\n");
  }

  private Ledger ledger() throws IOException {
    return Ledger.read(folder);
  }

  private Citations scan() throws IOException {
    return Citations.scan(List.of(folder.resolve("test"), folder.resolve("absent")));
  }

  private void write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
