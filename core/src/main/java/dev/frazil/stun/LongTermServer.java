package dev.frazil.stun;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** The long-term checks of a server (RFC 8489 9.2.4), in its order. */
final class LongTermServer extends ServerAuthentication {
  private final LongTermOptions options;
  private final Accounts accounts;
  private final Nonces nonces;
  private final IntegrityKey nobody;

  LongTermServer(LongTermOptions options, Accounts accounts, RandomGenerator random) {
    this.options = options;
    this.accounts = accounts;
    boolean algorithms = !options.passwordAlgorithms().isEmpty();
    SecurityFeatures features = new SecurityFeatures(algorithms, options.usernameAnonymity());
    nonces = new Nonces(features, options.nonceLifetime().toNanos(), random);
    byte[] secret = new byte[16];
    random.nextBytes(secret);
    nobody = IntegrityKey.ofBytes(secret);
  }

  @Override
  public Verdict check(StunMessage message, TransportAddress source, long now) {
    if (!message.hasIntegrity()) {
      return challenge(ErrorCode.UNAUTHENTICATED, source, now);
    }
    String nonce = message.get(AttributeType.NONCE);
    boolean named = message.has(AttributeType.USERNAME) || message.has(AttributeType.USERHASH);
    if (!named || nonce == null || !message.has(AttributeType.REALM)) {
      return Verdict.refused(ErrorCode.BAD_REQUEST, null);
    }
    boolean explicit = SecurityFeatures.of(nonce).passwordAlgorithms()
        && (message.has(AttributeType.PASSWORD_ALGORITHM)
            || message.has(AttributeType.PASSWORD_ALGORITHMS));
    PasswordAlgorithm algorithm = explicit ? chosen(message) : PasswordAlgorithm.MD5;
    if (algorithm == null) {
      return Verdict.refused(ErrorCode.BAD_REQUEST, null);
    }
    String username = username(message);
    IntegrityKey key = username == null ? null : signer(message, username, algorithm);
    if (username == null || key == null) {
      return challenge(ErrorCode.UNAUTHENTICATED, source, now);
    }
    if (!nonces.isValid(nonce, source, now)) {
      return challenge(ErrorCode.STALE_NONCE, source, now);
    }
    return Verdict.accepted(username, key, explicit ? Integrity.SHA256 : Integrity.SHA1);
  }

  /** Which of the user's keys the message was signed with; null when it was none of them. */
  private @Nullable IntegrityKey signer(
      StunMessage message, String username, PasswordAlgorithm algorithm) {
    List<IntegrityKey> keys = accounts.keys(username, options.realm(), algorithm);
    if (keys.isEmpty()) {
      // An unknown user costs an HMAC too, so that time does not tell who has an account.
      message.verifyIntegrity(nobody);
    }
    for (IntegrityKey key : keys) {
      if (message.verifyIntegrity(key)) {
        return key;
      }
    }
    return null;
  }

  /** The algorithm that the client chose; null when it, or the list that it saw, is not what was offered. */
  private @Nullable PasswordAlgorithm chosen(StunMessage message) {
    PasswordAlgorithm algorithm = message.get(AttributeType.PASSWORD_ALGORITHM);
    List<PasswordAlgorithm> offered = options.passwordAlgorithms();
    boolean unchanged = offered.equals(message.get(AttributeType.PASSWORD_ALGORITHMS));
    return algorithm != null && unchanged && offered.contains(algorithm) ? algorithm : null;
  }

  private @Nullable String username(StunMessage message) {
    if (message.has(AttributeType.USERNAME)) {
      return message.get(AttributeType.USERNAME);
    }
    ByteBuffer userhash = message.get(AttributeType.USERHASH);
    return userhash == null || !options.usernameAnonymity()
        ? null
        : accounts.username(userhash, options.realm());
  }

  private Verdict challenge(int errorCode, TransportAddress source, long now) {
    Challenge challenge =
        new Challenge(options.realm(), nonces.create(source, now), options.passwordAlgorithms());
    return Verdict.refused(errorCode, challenge);
  }
}
