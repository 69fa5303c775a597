package dev.frazil.cli;

import java.io.Console;

/** Whether somebody watches. */
final class Terminal {
  private Terminal() {}

  /** Whether the terminal can do nothing but print one line after the other. */
  static boolean isDumb() {
    return "dumb".equals(System.getenv("TERM"));
  }

  /** Whether the command runs on a terminal, so that a line may be overwritten. */
  @SuppressWarnings("SystemConsoleNull")
  static boolean isOne() {
    Console console = System.console();
    if (console == null || isDumb()) {
      return false;
    }
    try {
      // JDK 22 and later have a console without a terminal too, and this method to tell.
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }
}
