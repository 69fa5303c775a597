package dev.frazil.lab.ledger;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All requirements, by chapter, with the notes about them. */
public final class Ledger {
  /** One file of the ledger. */
  public record Chapter(String title, String file, List<Requirement> requirements) {}

  private static final Map<String, String> TITLES = Map.of(
      "stun.tsv", "STUN",
      "ice.tsv", "ICE",
      "trickle-signalling.tsv", "Trickle ICE and signalling",
      "turn.tsv", "TURN");
  private static final List<String> FILES =
      List.of("stun.tsv", "ice.tsv", "trickle-signalling.tsv", "turn.tsv");

  private final List<Chapter> chapters;
  private final Map<String, Requirement> requirements;
  private final Map<String, Note> notes;

  private Ledger(
      List<Chapter> chapters, Map<String, Requirement> requirements, Map<String, Note> notes) {
    this.chapters = chapters;
    this.requirements = requirements;
    this.notes = notes;
  }

  /**
   * Reads the ledger's files from a folder.
   *
   * @throws IllegalArgumentException naming file and line when one is malformed
   */
  public static Ledger read(Path folder) throws IOException {
    Map<String, Requirement> all = new LinkedHashMap<>();
    List<Chapter> chapters = new ArrayList<>();
    for (String file : FILES) {
      List<Requirement> rows = new ArrayList<>();
      for (Line line : lines(folder.resolve(file), 8)) {
        Requirement row = new Requirement(
            line.cell(0), line.cell(1), line.cell(2), line.cell(3), line.cell(4), line.cell(5));
        if (all.put(row.id(), row) != null) {
          throw line.wrong("the id " + row.id() + " is there already");
        }
        rows.add(row);
      }
      chapters.add(new Chapter(TITLES.getOrDefault(file, file), file, List.copyOf(rows)));
    }
    return new Ledger(
        List.copyOf(chapters),
        all,
        readNotes(folder.resolve("notes.tsv"), List.copyOf(all.keySet())));
  }

  private static Map<String, Note> readNotes(Path file, List<String> ids) throws IOException {
    Map<String, Note> notes = new LinkedHashMap<>();
    for (Line line : lines(file, 3)) {
      String[] range = line.cell(0).split("\\.\\.", -1);
      int first = ids.indexOf(range[0]);
      int last = ids.indexOf(range[range.length - 1]);
      if (first < 0 || last < first) {
        throw line.wrong("no such id or range of ids: " + line.cell(0));
      }
      Note note = new Note(Note.State.of(line.cell(1)), line.cell(2));
      for (String id : ids.subList(first, last + 1)) {
        if (notes.put(id, note) != null) {
          throw line.wrong("a second note on " + id);
        }
      }
    }
    return notes;
  }

  private static List<Line> lines(Path file, int columns) throws IOException {
    List<Line> lines = new ArrayList<>();
    List<String> texts = Files.readAllLines(file);
    for (int i = 1; i < texts.size(); i++) {
      Line line = new Line(file, i + 1, texts.get(i).split("\t", -1));
      if (line.cells.length != columns) {
        throw line.wrong(columns + " columns expected, not " + line.cells.length);
      }
      lines.add(line);
    }
    return lines;
  }

  public List<Chapter> chapters() {
    return chapters;
  }

  /** The requirement of that id, or null. */
  public @Nullable Requirement requirement(String id) {
    return requirements.get(id);
  }

  /** What is noted about a requirement, or null. */
  public @Nullable Note note(String id) {
    return notes.get(id);
  }

  private static final class Line {
    private final Path file;
    private final int number;
    private final String[] cells;

    Line(Path file, int number, String[] cells) {
      this.file = file;
      this.number = number;
      this.cells = cells;
    }

    String cell(int column) {
      return cells[column];
    }

    IllegalArgumentException wrong(String what) {
      return new IllegalArgumentException(file + ":" + number + ": " + what);
    }
  }
}
