package dev.frazil.lab.ledger;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The table of what the standards ask for, how it stands, and which tests show it. */
public final class Conformance {
  private static final int LONGEST_REQUIREMENT = 160;

  private final Ledger ledger;
  private final Citations citations;

  public Conformance(Ledger ledger, Citations citations) {
    this.ledger = ledger;
    this.citations = citations;
  }

  /** What contradicts itself: unknown ids, tests of dropped rows, notes overtaken by tests. */
  public List<String> contradictions() {
    List<String> found = new ArrayList<>();
    for (String id : citations.ids()) {
      Requirement requirement = ledger.requirement(id);
      Note note = ledger.note(id);
      Set<String> tests = citations.tests(id);
      if (requirement == null) {
        found.add(id + " is in no ledger, but cited by " + String.join(", ", tests));
      } else if (requirement.isVoid()) {
        found.add(id + " was dropped, but is cited by " + String.join(", ", tests));
      } else if (note != null && note.state() == Note.State.LEFT_OUT) {
        found.add(id + " is noted as left out, but cited by " + String.join(", ", tests));
      }
    }
    return found;
  }

  /** The page, in Markdown. */
  public String page() {
    StringBuilder page = new StringBuilder("""
        # Conformance

        What the standards ask for, row by row, and the tests that show it. Made by the build from the
        [ledger](ledger/README.md) and the tests' tags; `./test --write` writes it anew.

        - **shown**: at least one test fails when this breaks. *Partly* and *departs* come with the reason.
        - **open**: no test shows it yet.
        - **left out**: not done, for the reason given.

        """);
    appendCounts(page);
    for (Ledger.Chapter chapter : ledger.chapters()) {
      page.append("\n## ").append(chapter.title()).append("\n\n");
      page.append("| id | where | who | level | requirement | state | tests |\n");
      page.append("|---|---|---|---|---|---|---|\n");
      for (Requirement requirement : chapter.requirements()) {
        appendRow(page, requirement);
      }
    }
    return page.toString();
  }

  private void appendCounts(StringBuilder page) {
    page.append("| | rows | shown | open | left out | void |\n|---|---|---|---|---|---|\n");
    Map<String, Integer> total = new LinkedHashMap<>();
    int rows = 0;
    for (Ledger.Chapter chapter : ledger.chapters()) {
      Map<String, Integer> counts = new LinkedHashMap<>();
      for (Requirement requirement : chapter.requirements()) {
        counts.merge(state(requirement), 1, Integer::sum);
        total.merge(state(requirement), 1, Integer::sum);
      }
      rows += chapter.requirements().size();
      appendCount(page, chapter.title(), chapter.requirements().size(), counts);
    }
    appendCount(page, "all", rows, total);
  }

  private static void appendCount(
      StringBuilder page, String title, int rows, Map<String, Integer> counts) {
    page.append("| ").append(title).append(" | ").append(rows);
    for (String state : List.of("shown", "open", "left out", "void")) {
      page.append(" | ").append(counts.getOrDefault(state, 0));
    }
    page.append(" |\n");
  }

  private void appendRow(StringBuilder page, Requirement requirement) {
    Note note = ledger.note(requirement.id());
    String state = state(requirement);
    page.append("| ").append(requirement.id());
    page.append(" | ").append(cell(requirement.citation()));
    page.append(" | ").append(cell(requirement.actor()));
    page.append(" | ").append(requirement.level());
    page.append(" | ").append(cell(shortened(requirement.text())));
    page.append(" | ").append(cell(withReason(state, note)));
    page.append(" | ").append(String.join(", ", citations.tests(requirement.id())));
    page.append(" |\n");
  }

  private String state(Requirement requirement) {
    Note note = ledger.note(requirement.id());
    if (requirement.isVoid()) {
      return "void";
    } else if (note != null && note.state() == Note.State.LEFT_OUT) {
      return "left out";
    }
    return citations.tests(requirement.id()).isEmpty() ? "open" : "shown";
  }

  private static String withReason(String state, @Nullable Note note) {
    if (note == null) {
      return state;
    } else if (note.state() == Note.State.LEFT_OUT) {
      return state + ": " + note.reason();
    }
    return state + "; " + note.state().word() + ": " + note.reason();
  }

  private static String shortened(String text) {
    if (text.length() <= LONGEST_REQUIREMENT) {
      return text;
    }
    return text.substring(0, text.lastIndexOf(' ', LONGEST_REQUIREMENT)) + " …";
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;");
  }
}
