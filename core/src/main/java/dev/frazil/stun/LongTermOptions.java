package dev.frazil.stun;

import java.time.Duration;
import java.util.List;

/**
 * How a server challenges its clients (RFC 8489 9.2).
 *
 * @param realm under 128 characters; a domain name of the provider is recommended
 * @param passwordAlgorithms what is offered, the best first; empty turns the feature off: MD5 alone, as in RFC 5389
 * @param usernameAnonymity whether clients are to send USERHASH instead of USERNAME
 * @param nonceLifetime how long a nonce is good
 */
public record LongTermOptions(
    String realm,
    List<PasswordAlgorithm> passwordAlgorithms,
    boolean usernameAnonymity,
    Duration nonceLifetime) {
  public LongTermOptions {
    realm = OpaqueString.enforce("realm", realm);
    if (!TextCodec.isSendable(realm)) {
      throw new IllegalArgumentException("realm has 128 characters or more (RFC 8489 14.9)");
    }
    passwordAlgorithms = List.copyOf(passwordAlgorithms);
    for (PasswordAlgorithm algorithm : passwordAlgorithms) {
      if (!algorithm.isSupported()) {
        throw new IllegalArgumentException("password algorithm " + algorithm + " is not supported");
      }
    }
    if (nonceLifetime.isNegative()
        || nonceLifetime.isZero()
        || nonceLifetime.compareTo(Duration.ofDays(365)) > 0) {
      throw new IllegalArgumentException(
          "nonceLifetime is over 0 and at most a year, not " + nonceLifetime);
    }
  }

  /** SHA-256 and MD5, no username anonymity, nonces for an hour. */
  public static LongTermOptions ofRealm(String realm) {
    return new LongTermOptions(
        realm,
        List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5),
        false,
        Duration.ofHours(1));
  }
}
