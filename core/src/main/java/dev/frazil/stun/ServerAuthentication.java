package dev.frazil.stun;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * How a server finds out who sent a request (RFC 8489 9.1.3, 9.2.4).
 *
 * <pre>{@code
 * ServerAuthentication.Verdict verdict = authentication.check(request, source, now);
 * if (!verdict.isAccepted()) {
 *   builder = StunBuilder.error(request.method(), request.transactionId(), out, verdict.errorCode());
 * }
 * verdict.finish(builder).fingerprint().finish();
 * }</pre>
 */
public abstract sealed class ServerAuthentication
    permits ServerAuthentication.ShortTerm, LongTermServer {
  ServerAuthentication() {}

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
     * The keys that a user may sign with, where there can be several, as while a shared secret is changed: no more than
     * a few, because each costs an HMAC. Unless overridden, that of {@link #key}.
     *
     * @return empty when there is no such user
     */
    default List<IntegrityKey> keys(String username, String realm, PasswordAlgorithm algorithm) {
      IntegrityKey key = key(username, realm, algorithm);
      return key == null ? List.of() : List.of(key);
    }

    /**
     * The user behind a USERHASH; null when there is none. Asked only by a server that offers username anonymity.
     *
     * @param userhash 32 bytes; see {@link LongTermCredential#userhash}
     */
    default @Nullable String username(ByteBuffer userhash, String realm) {
      return null;
    }
  }

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
      TextCodec.requireSendable("realm", realm);
      passwordAlgorithms = List.copyOf(passwordAlgorithms);
      for (PasswordAlgorithm algorithm : passwordAlgorithms) {
        if (!algorithm.isSupported()) {
          throw new IllegalArgumentException(
              "password algorithm " + algorithm + " is not supported");
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

  /**
   * By short-term credentials.
   *
   * @param keys the key of a username, null for an unknown one
   */
  public static ServerAuthentication shortTerm(Function<String, @Nullable IntegrityKey> keys) {
    return new ShortTerm(keys);
  }

  /** By long-term credentials. */
  public static ServerAuthentication longTerm(
      LongTermOptions options, Accounts accounts, RandomGenerator random) {
    return new LongTermServer(options, accounts, random);
  }

  /**
   * Checks a request or an indication, whose attributes are not to be looked at before.
   *
   * @param source where it came from
   */
  public abstract Verdict check(StunMessage message, TransportAddress source, long now);

  /** What came of a check. */
  public static final class Verdict {
    private final int errorCode;
    private final @Nullable String username;
    private final @Nullable IntegrityKey key;
    private final Integrity integrity;
    private final @Nullable Challenge challenge;

    private Verdict(
        int errorCode,
        @Nullable String username,
        @Nullable IntegrityKey key,
        Integrity integrity,
        @Nullable Challenge challenge) {
      this.errorCode = errorCode;
      this.username = username;
      this.key = key;
      this.integrity = integrity;
      this.challenge = challenge;
    }

    static Verdict accepted(String username, IntegrityKey key, Integrity integrity) {
      return new Verdict(0, username, key, integrity, null);
    }

    static Verdict refused(int errorCode, @Nullable Challenge challenge) {
      return new Verdict(errorCode, null, null, Integrity.SHA1, challenge);
    }

    /** Whether the sender is who it says. */
    public boolean isAccepted() {
      return key != null;
    }

    /**
     * What to refuse a request with: 400, 401 or 438; 0 when it was accepted. An indication that was not accepted is
     * dropped.
     */
    public int errorCode() {
      return errorCode;
    }

    /** Who sent it; null when it was not accepted. */
    public @Nullable String username() {
      return username;
    }

    /** Adds what the response to the request needs: the integrity, or REALM, NONCE and PASSWORD-ALGORITHMS. */
    public StunBuilder finish(StunBuilder response) {
      if (key != null) {
        integrity.seal(response, key);
      } else if (challenge != null) {
        response
            .put(AttributeType.REALM, challenge.realm())
            .put(AttributeType.NONCE, challenge.nonce());
        if (!challenge.algorithms().isEmpty()) {
          response.put(AttributeType.PASSWORD_ALGORITHMS, challenge.algorithms());
        }
      }
      return response;
    }
  }

  record Challenge(String realm, String nonce, List<PasswordAlgorithm> algorithms) {}

  /** The short-term checks of a server (RFC 8489 9.1.3). */
  static final class ShortTerm extends ServerAuthentication {
    private static final Verdict BAD_REQUEST = Verdict.refused(ErrorCode.BAD_REQUEST, null);
    private static final Verdict UNAUTHENTICATED = Verdict.refused(ErrorCode.UNAUTHENTICATED, null);

    private final Function<String, @Nullable IntegrityKey> keys;

    ShortTerm(Function<String, @Nullable IntegrityKey> keys) {
      this.keys = keys;
    }

    @Override
    public Verdict check(StunMessage message, TransportAddress source, long now) {
      String username = message.get(AttributeType.USERNAME);
      if (!message.hasIntegrity() || username == null) {
        return BAD_REQUEST;
      }
      IntegrityKey key = keys.apply(username);
      if (key == null || !message.verifyIntegrity(key)) {
        return UNAUTHENTICATED;
      }
      boolean sha256 = message.has(AttributeType.MESSAGE_INTEGRITY_SHA256);
      return Verdict.accepted(username, key, sha256 ? Integrity.SHA256 : Integrity.SHA1);
    }
  }
}
