package dev.frazil.server;

import java.util.Locale;

/** How constants are called outside of the program. */
final class Names {
  private Names() {}

  /** {@code NO_PERMISSION} is {@code no-permission}. */
  static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
