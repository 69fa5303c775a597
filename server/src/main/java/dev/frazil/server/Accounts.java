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

/** The users of a configuration: those that it names, and those of its shared secrets. */
final class Accounts implements TurnAccounts {
  private static final long NEVER = Long.MAX_VALUE;
  /** Earlier than any time: nobody of that name may allocate. */
  private static final long ALWAYS_OVER = -1;

  private final Map<String, LongTermCredential> users;
  private final @Nullable RestCredentials secrets;

  Accounts(Map<String, LongTermCredential> users, List<String> secrets) {
    this.users = Map.copyOf(users);
    this.secrets = secrets.isEmpty() ? null : new RestCredentials(secrets, Set.of());
  }

  @Override
  public @Nullable IntegrityKey key(String username, String realm, PasswordAlgorithm algorithm) {
    List<IntegrityKey> keys = keys(username, realm, algorithm);
    return keys.isEmpty() ? null : keys.get(0);
  }

  @Override
  public List<IntegrityKey> keys(String username, String realm, PasswordAlgorithm algorithm) {
    LongTermCredential user = users.get(username);
    if (user != null) {
      return List.of(user.key(realm, algorithm));
    }
    return secrets == null ? List.of() : secrets.keys(username, realm, algorithm);
  }

  @Override
  public long expiry(String username) {
    if (users.containsKey(username)) {
      return NEVER;
    }
    return secrets == null ? ALWAYS_OVER : secrets.expiry(username);
  }

  @Override
  public String owner(String username) {
    return users.containsKey(username) || secrets == null ? username : secrets.owner(username);
  }
}
