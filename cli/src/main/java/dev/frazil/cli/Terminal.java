package dev.frazil.cli;

import java.io.Console;

/** Whether somebody watches. */
final class Terminal {
  private Terminal() {}

  /** Whether the command runs on a terminal, so that a line may be overwritten. */
<<<<<<< HEAD
  @SuppressWarnings("SystemConsoleNull")
=======
  @SuppressWarnings("SystemConsoleNull") // null before JDK 22; later ones are asked below
>>>>>>> fdec4e1 (Pass the strict compile: unused, hidden and unexplained things go)
  static boolean isOne() {
    Console console = System.console();
    if (console == null) {
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
