package dev.frazil.lab.ledger;

/**
 * One row of the ledger: something a standard asks for that a test can show.
 *
 * @param id such as {@code ICE-2310}
 * @param source the standard: an RFC's number or a name
 * @param section the section there
 * @param level MUST, SHOULD, …; VOID for a row that was dropped
 * @param actor who has to
 * @param text what has to be done
 */
public record Requirement(
    String id, String source, String section, String level, String actor, String text) {
  static final String VOID = "VOID";

  boolean isVoid() {
    return level.equals(VOID);
  }

  /** The standard and section as people cite them. */
  String citation() {
    String name = source.matches("\\d+") ? "RFC " + source : source;
    return section.equals("-") ? name : name + " " + section;
  }
}
