package dev.frazil.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.PasswordAlgorithm;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Users that a web application lets in for a while (draft-uberti-behave-turn-rest-00): a username is the Unix time of
 * its expiry and, behind a colon, a user ID; the password is the Base64 of an HMAC-SHA1 over it. Server and application
 * share but a secret.
 */
public final class RestCredentials implements TurnAccounts {
  private static final int MOST_DIGITS = 18;

  private final List<String> secrets;
  private final Set<String> denied;

  /**
   * Users of these secrets.
   *
   * @param secrets one, or several while it is changed
   * @param denied usernames that are refused although they have not expired
   */
  public RestCredentials(List<String> secrets, Set<String> denied) {
    this.secrets = List.copyOf(secrets);
    this.denied = Set.copyOf(denied);
    if (secrets.isEmpty() || secrets.contains("")) {
      throw new IllegalArgumentException("secrets: one at least, and none of them empty");
    }
  }

  /**
   * Makes the credential of a user.
   *
   * @param expiry in seconds since 1970
   * @param userId empty for none
   */
  public static LongTermCredential credential(String secret, long expiry, String userId) {
    String username = userId.isEmpty() ? Long.toString(expiry) : expiry + ":" + userId;
    return new LongTermCredential(username, password(secret, username));
  }

  private static String password(String secret, String username) {
    try {
      Mac mac = Mac.getInstance("HmacSHA1");
      mac.init(new SecretKeySpec(secret.getBytes(UTF_8), "HmacSHA1"));
      return Base64.getEncoder().encodeToString(mac.doFinal(username.getBytes(UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("HmacSHA1 is missing from this Java runtime", e);
    }
  }

  @Override
  public @Nullable IntegrityKey key(String username, String realm, PasswordAlgorithm algorithm) {
    List<IntegrityKey> keys = keys(username, realm, algorithm);
    return keys.isEmpty() ? null : keys.get(0);
  }

  @Override
  public List<IntegrityKey> keys(String username, String realm, PasswordAlgorithm algorithm) {
    if (expiry(username) < 0 || denied.contains(username)) {
      return List.of();
    }
    List<IntegrityKey> keys = new ArrayList<>(secrets.size());
    for (String secret : secrets) {
      try {
        keys.add(IntegrityKey.longTerm(username, realm, password(secret, username), algorithm));
      } catch (IllegalArgumentException e) {
        return List.of(); // the network's username is no OpaqueString
      }
    }
    return keys;
  }

  /** The time in front of the colon; -1 when there is none. */
  @Override
  public long expiry(String username) {
    int colon = username.indexOf(':');
    String time = colon < 0 ? username : username.substring(0, colon);
    boolean digits = !time.isEmpty() && time.chars().allMatch(c -> c >= '0' && c <= '9');
    return digits && time.length() <= MOST_DIGITS ? Long.parseLong(time) : -1;
  }

  /** The user ID, which stays when the credential is renewed; the whole username when there is none. */
  @Override
  public String owner(String username) {
    return username.substring(username.indexOf(':') + 1);
  }

  /** Hides the secrets. */
  @Override
  public String toString() {
    return "RestCredentials[" + secrets.size() + " secrets]";
  }
}
