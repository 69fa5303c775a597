package dev.frazil.stun;

import dev.frazil.net.TransportAddress;
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
public abstract sealed class ServerAuthentication permits ShortTermServer, LongTermServer {
  ServerAuthentication() {}

  /**
   * By short-term credentials.
   *
   * @param keys the key of a username, null for an unknown one
   */
  public static ServerAuthentication shortTerm(Function<String, @Nullable IntegrityKey> keys) {
    return new ShortTermServer(keys);
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
}
