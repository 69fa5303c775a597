package dev.frazil.stun;

/**
 * The security features that a server announces in the first 13 characters of its nonces (RFC 8489 9.2), where nobody
 * can strip them unseen.
 */
record SecurityFeatures(boolean passwordAlgorithms, boolean usernameAnonymity) {
  static final SecurityFeatures NONE = new SecurityFeatures(false, false);

  private static final String COOKIE = "obMatJos2";
  private static final String BASE64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static final int LENGTH = COOKIE.length() + 4;

  /**
   * The features that a nonce announces. RFC 8489 18.1 calls the bits' order both ways; erratum and test vector say that
   * bit 0 is the rightmost of 24, and servers that have it leftmost are understood too.
   */
  static SecurityFeatures of(String nonce) {
    if (nonce.length() < LENGTH || !nonce.startsWith(COOKIE)) {
      return NONE;
    }
    int bits = 0;
    for (int i = COOKIE.length(); i < LENGTH; i++) {
      int value = BASE64.indexOf(nonce.charAt(i));
      if (value < 0) {
        return NONE;
      }
      bits = bits << 6 | value;
    }
    return new SecurityFeatures((bits & 0x800001) != 0, (bits & 0x400002) != 0);
  }

  /** The 13 characters. */
  String cookie() {
    int bits = (passwordAlgorithms ? 1 : 0) | (usernameAnonymity ? 2 : 0);
    return COOKIE + "AAA" + BASE64.charAt(bits);
  }
}
