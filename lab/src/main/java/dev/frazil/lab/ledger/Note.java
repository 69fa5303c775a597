package dev.frazil.lab.ledger;

import java.util.Arrays;

/** What no test can say about a requirement, written by hand. */
public record Note(State state, String reason) {
  /** How the requirement stands. */
  public enum State {
    /** Not done; no test may claim it. */
    LEFT_OUT("left out"),
    /** Shown by tests but for what the reason names. */
    PARTLY("partly"),
    /** Done otherwise, on purpose. */
    DEPARTS("departs");

    private final String word;

    State(String word) {
      this.word = word;
    }

    /** The word in the file and in the table. */
    public String word() {
      return word;
    }

    static State of(String word) {
      return Arrays.stream(values())
          .filter(state -> state.word.equals(word))
          .findFirst()
          .orElseThrow(() -> new IllegalArgumentException(
              "a note's state is left out, partly or departs, not '" + word + "'"));
    }
  }
}
