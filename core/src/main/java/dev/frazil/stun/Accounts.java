package dev.frazil.stun;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Where a server looks its users up. */
@FunctionalInterface
public interface Accounts {
  /**
   * The key of a user.
   *
   * @param username as it came from the network
   * @param realm the server's realm
   * @param algorithm MD5 or SHA-256
   * @return null when there is no such user, or none with a key of that algorithm
   */
  @Nullable IntegrityKey key(String username, String realm, PasswordAlgorithm algorithm);

  /**
   * The user behind a USERHASH; null when there is none. Asked only by a server that offers username anonymity.
   *
   * @param userhash 32 bytes; see {@link LongTermCredential#userhash}
   */
  default @Nullable String username(ByteBuffer userhash, String realm) {
    return null;
  }
}
