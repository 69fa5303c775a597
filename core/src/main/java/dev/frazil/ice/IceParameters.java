package dev.frazil.ice;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an agent tells about one stream beside its candidates (RFC 8445 5.3).
 *
 * @param ufrag the username fragment, 4 to 256 ice-chars; Frazil sends 8
 * @param password 22 to 256 ice-chars; never printed
 * @param lite whether the agent is lite
 * @param pacing the proposed Ta in milliseconds, not negative; null when not told, which counts as 50
 * @param options the ICE options; null when they could not be told
 */
public record IceParameters(
    String ufrag,
    String password,
    boolean lite,
    @Nullable Integer pacing,
    @Nullable Set<String> options) {
  /** The Ta of an agent that tells none (RFC 8839 5.5), in milliseconds. */
  public static final int DEFAULT_PACING = 50;

  public IceParameters {
    check("ice-ufrag", ufrag, 4, ufrag);
    check("ice-pwd", password, 22, "(hidden)");
    if (pacing != null && pacing < 0) {
      throw new IllegalArgumentException("ice-pacing \"" + pacing + "\": must not be negative");
    }
    options = options == null ? null : Set.copyOf(options);
  }

  /** A full agent that tells no pacing and no options. */
  public IceParameters(String ufrag, String password) {
    this(ufrag, password, false, null, null);
  }

  private static void check(String field, String value, int min, String shown) {
    if (value.length() < min || value.length() > 256) {
      throw new IllegalArgumentException(field + " of " + value.length() + " characters: must be "
          + min + " to 256 (RFC 8839 5.4)");
    }
    for (int i = 0; i < value.length(); i++) {
      if (!isIceChar(value.charAt(i))) {
        throw new IllegalArgumentException(
            field + " \"" + shown + "\": must be letters, digits, \"+\" and \"/\" (RFC 8839 5.4)");
      }
    }
  }

  static boolean isIceChar(int c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || c == '+'
        || c == '/';
  }

  /** Whether the option is told. */
  public boolean has(String option) {
    return options != null && options.contains(option);
  }

  int pacingMillis() {
    return pacing == null ? DEFAULT_PACING : pacing;
  }

  @Override
  public String toString() {
    return "IceParameters[ufrag=" + ufrag + (lite ? ", lite" : "") + ", pacing=" + pacing
        + ", options=" + options + "]";
  }
}
