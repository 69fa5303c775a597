package dev.frazil.stun;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;

/**
 * A username and password that client and server share for long (RFC 8489 9.2), as OpaqueStrings (RFC 8265 4.2).
 *
 * @param username at most 508 bytes of UTF-8
 * @param password of any length but 0
 */
public record LongTermCredential(String username, String password) {
  public LongTermCredential {
    username = OpaqueString.enforce("username", username);
    password = OpaqueString.enforce("password", password);
    if (username.getBytes(UTF_8).length > 508) {
      throw new IllegalArgumentException("username is over 508 bytes (RFC 8489 14.3)");
    }
  }

  /** The key in a realm (RFC 8489 9.2.2). */
  public IntegrityKey key(String realm, PasswordAlgorithm algorithm) {
    return IntegrityKey.longTerm(username, realm, password, algorithm);
  }

  /** The value of USERHASH in a realm (RFC 8489 14.4): 32 bytes. */
  public ByteBuffer userhash(String realm) {
    return userhash(username, realm);
  }

  /** The value of USERHASH of a user in a realm (RFC 8489 14.4): 32 bytes. */
  public static ByteBuffer userhash(String username, String realm) {
    String text =
        OpaqueString.enforce("username", username) + ":" + OpaqueString.enforce("realm", realm);
    return ByteBuffer.wrap(IntegrityKey.digest("SHA-256", text)).asReadOnlyBuffer();
  }

  /** Hides the password. */
  @Override
  public String toString() {
    return "LongTermCredential[username=" + username + ", password=***]";
  }
}
