package dev.frazil.stun;

import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import org.jspecify.annotations.Nullable;

/**
 * The OpaqueString profile of PRECIS (RFC 8265 4.2), which usernames, realms and passwords go through: what is typed on
 * different keyboards becomes the same bytes.
 *
 * <p>The characters are those of RFC 8264's FreeformClass, by the Unicode version of the Java runtime. Departing from
 * RFC 8264 A.1, the joiners U+200C and U+200D are taken behind any letter or mark: Java does not tell joining types.
 */
final class OpaqueString {
  private OpaqueString() {}

  /**
   * Applies the profile to what the caller gave.
   *
   * @param field what the text is, for the error
   * @throws IllegalArgumentException when the text is empty or holds a character that the profile forbids
   */
  static String enforce(String field, String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException(field + " is empty (RFC 8265 4.2)");
    }
    if (isPrintableAscii(text)) {
      return text;
    }
    String normal = normalize(text);
    int forbidden = firstForbidden(normal);
    if (forbidden >= 0) {
      throw new IllegalArgumentException(
          String.format("%s: U+%04X is not allowed (RFC 8265 4.2)", field, forbidden));
    }
    return normal;
  }

  /** Applies the profile to what the network gave; null when it does not fit. */
  static @Nullable String tryEnforce(String text) {
    if (text.isEmpty() || isPrintableAscii(text)) {
      return text.isEmpty() ? null : text;
    }
    String normal = normalize(text);
    return firstForbidden(normal) >= 0 ? null : normal;
  }

  private static String normalize(String text) {
    StringBuilder mapped = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c ->
            mapped.appendCodePoint(Character.getType(c) == Character.SPACE_SEPARATOR ? ' ' : c));
    return Normalizer.normalize(mapped, Normalizer.Form.NFC);
  }

  private static int firstForbidden(String text) {
    int[] characters = text.codePoints().toArray();
    for (int i = 0; i < characters.length; i++) {
      if (!isAllowed(characters, i)) {
        return characters[i];
      }
    }
    return -1;
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

  /** The derivation of RFC 8264 8, in its order. */
  private static boolean isAllowed(int[] text, int at) {
    int c = text[at];
    return switch (c) {
      // RFC 8264 9.6 (RFC 5892 2.6), where it says more than the general category does
      case 0x0640, 0x07FA, 0x302E, 0x302F, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303B -> false;
      case 0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB -> fitsItsNeighbours(text, at);
      case 0x200C, 0x200D -> at > 0 && (Character.isLetter(text[at - 1]) || isMark(text[at - 1]));
      default -> isArabicDigit(c) ? !mixesArabicDigits(text, c) : isFreeform(c);
    };
  }

  private static boolean isFreeform(int c) {
    if (c >= ' ' && c <= '~') {
      return true;
    }
    if (isOldHangulJamo(c) || isIgnorable(c)) {
      return false;
    }
    return switch (Character.getType(c)) {
      case Character.UNASSIGNED, Character.CONTROL, Character.SURROGATE -> false;
      case Character.FORMAT,
          Character.PRIVATE_USE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR -> false;
      default -> true; // letters, marks, numbers, symbols, punctuation, spaces
    };
  }

  private static boolean isMark(int c) {
    int type = Character.getType(c);
    return type == Character.NON_SPACING_MARK || type == Character.COMBINING_SPACING_MARK;
  }

  /** RFC 8264 9.9. */
  private static boolean isOldHangulJamo(int c) {
    return c >= 0x1100 && c <= 0x11FF || c >= 0xA960 && c <= 0xA97C || c >= 0xD7B0 && c <= 0xD7FB;
  }

  /** Of RFC 8264 9.13's default-ignorable characters those whose general category does not exclude them already. */
  private static boolean isIgnorable(int c) {
    return c == 0x034F
        || c == 0x17B4
        || c == 0x17B5
        || c >= 0x180B && c <= 0x180F
        || c == 0x3164
        || c >= 0xFE00 && c <= 0xFE0F
        || c == 0xFFA0
        || c >= 0xE0000 && c <= 0xE0FFF;
  }

  /** RFC 5892 A.3 to A.7. */
  private static boolean fitsItsNeighbours(int[] text, int at) {
    int before = at > 0 ? text[at - 1] : 0;
    int after = at + 1 < text.length ? text[at + 1] : 0;
    return switch (text[at]) {
      case 0x00B7 -> before == 'l' && after == 'l';
      case 0x0375 -> UnicodeScript.of(after) == UnicodeScript.GREEK;
      case 0x05F3, 0x05F4 -> UnicodeScript.of(before) == UnicodeScript.HEBREW;
      default -> hasJapanese(text);
    };
  }

  private static boolean hasJapanese(int[] text) {
    for (int c : text) {
      UnicodeScript script = UnicodeScript.of(c);
      if (script == UnicodeScript.HIRAGANA
          || script == UnicodeScript.KATAKANA
          || script == UnicodeScript.HAN) {
        return true;
      }
    }
    return false;
  }

  private static boolean isArabicDigit(int c) {
    return c >= 0x0660 && c <= 0x0669 || c >= 0x06F0 && c <= 0x06F9;
  }

  /** RFC 5892 A.8 and A.9: Arabic-Indic digits do not stand beside extended ones. */
  private static boolean mixesArabicDigits(int[] text, int digit) {
    for (int c : text) {
      if (isArabicDigit(c) && c >>> 4 != digit >>> 4) {
        return true;
      }
    }
    return false;
  }
}
