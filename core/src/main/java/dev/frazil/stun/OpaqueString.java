package dev.frazil.stun;

import java.text.Normalizer;

/** The OpaqueString profile of PRECIS (RFC 8265 4.2), which passwords, usernames and realms go through. */
final class OpaqueString {
  private OpaqueString() {}

  /**
   * Applies the profile.
   *
   * @param field what the text is, for the error
   * @throws IllegalArgumentException when the text holds a character that the profile forbids, or nothing
   */
  static String enforce(String field, String text) {
    if (isPrintableAscii(text)) {
      return text;
    }
    StringBuilder mapped = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c ->
            mapped.appendCodePoint(Character.getType(c) == Character.SPACE_SEPARATOR ? ' ' : c));
    return Normalizer.normalize(mapped, Normalizer.Form.NFC);
  }

  private static boolean isPrintableAscii(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < ' ' || c > '~') {
        return false;
      }
    }
    return true;
  }
}
