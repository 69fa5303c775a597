package dev.frazil.lab.fuzz;

/** An assertion that costs next to nothing while it holds: fuzzing makes millions. */
final class Verify {
  private Verify() {}

  static void verify(boolean condition, Object what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }
}
