package dev.frazil.server;

import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.turn.RestCredentials;
import dev.frazil.turn.TurnAccounts;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The users of a configuration: those that it names, with a password or a key, and those of its shared secrets. */
final class Accounts implements TurnAccounts {
  private static final long NEVER = Long.MAX_VALUE;
  /** Earlier than any time: nobody of that name may allocate. */
  private static final long ALWAYS_OVER = -1;

  private final Map<String, LongTermCredential> users;
  private final Map<String, byte[]> keys;
  private final @Nullable RestCredentials secrets;

  Accounts(Map<String, LongTermCredential> users, Map<String, byte[]> keys, List<String> secrets) {
    this.users = Map.copyOf(users);
    this.keys = Map.copyOf(keys);
    this.secrets = secrets.isEmpty() ? null : new RestCredentials(secrets, Set.of());
  }

  /** What can be offered to whoever may come: keys are digests of MD5. */
  List<PasswordAlgorithm> algorithms() {
    return keys.isEmpty()
        ? List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5)
        : List.of(PasswordAlgorithm.MD5);
  }

  @Override
  public @Nullable IntegrityKey key(String username, String realm, PasswordAlgorithm algorithm) {
    List<IntegrityKey> found = keys(username, realm, algorithm);
    return found.isEmpty() ? null : found.get(0);
  }

  @Override
  public List<IntegrityKey> keys(String username, String realm, PasswordAlgorithm algorithm) {
    LongTermCredential user = users.get(username);
    if (user != null) {
      return List.of(user.key(realm, algorithm));
    }
    byte[] key = keys.get(username);
    if (key != null) {
      boolean fits = algorithm.equals(PasswordAlgorithm.MD5);
      return fits ? List.of(IntegrityKey.ofBytes(key)) : List.of();
    }
    return secrets == null ? List.of() : secrets.keys(username, realm, algorithm);
  }

  private boolean isNamed(String username) {
    return users.containsKey(username) || keys.containsKey(username);
  }

  @Override
  public long expiry(String username) {
    if (isNamed(username)) {
      return NEVER;
    }
    return secrets == null ? ALWAYS_OVER : secrets.expiry(username);
  }

  @Override
  public String owner(String username) {
    return isNamed(username) || secrets == null ? username : secrets.owner(username);
  }
}
