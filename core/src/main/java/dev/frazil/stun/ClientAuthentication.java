package dev.frazil.stun;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How a client proves to one server who it is, and finds out whether a response is the server's (RFC 8489 9). It
 * remembers what it learnt about the server, so it belongs to one client.
 */
public abstract sealed class ClientAuthentication
    permits ClientAuthentication.None,
        ClientAuthentication.ShortTerm,
        ClientAuthentication.ThirdParty,
        LongTermClient {
  ClientAuthentication() {}

  /** No proof is given or wanted. */
  public static ClientAuthentication none() {
    return new None();
  }

  /**
   * By a short-term credential.
   *
   * @param integrity what to send until the first response shows what the server understands
   */
  public static ClientAuthentication shortTerm(
      String username, String password, Integrity integrity) {
    return new ShortTerm(username, password, integrity);
  }

  /** By a long-term credential: once the server asks for it, and from then on. */
  public static ClientAuthentication longTerm(LongTermCredential credential) {
    return new LongTermClient(credential);
  }

  /**
   * By a token from an authorization server (RFC 7635): once the server asks for credentials, and from then on.
   *
   * @param token asked for each request, so that a token can be replaced before it expires
   */
  public static ClientAuthentication thirdParty(Supplier<ThirdPartyToken> token) {
    return new ThirdParty(token);
  }

  /**
   * What an authorization server gives a client for a STUN server (RFC 7635 4).
   *
   * @param keyId kid: names the key that the authorization server and the STUN server share; at most 508 bytes
   * @param token access_token: for the STUN server alone to read; 1 to 900 bytes
   * @param key key: what the client signs with, mac_key; at least 16 bytes
   */
  public record ThirdPartyToken(String keyId, ByteBuffer token, ByteBuffer key) {
    private static final int LONGEST_TOKEN =
        900; // with the longest other attributes it fits into a request

    public ThirdPartyToken {
      keyId = OpaqueString.enforce("keyId", keyId);
      if (keyId.getBytes(UTF_8).length > 508) {
        throw new IllegalArgumentException("keyId is over 508 bytes (RFC 8489 14.3)");
      }
      if (!token.hasRemaining() || token.remaining() > LONGEST_TOKEN) {
        throw new IllegalArgumentException(
            "token of " + token.remaining() + " bytes: must be 1 to " + LONGEST_TOKEN);
      }
      if (key.remaining() < 16) {
        throw new IllegalArgumentException(
            "key of " + key.remaining() + " bytes: must be at least 16");
      }
      token = ByteBuffer.wrap(bytes(token)).asReadOnlyBuffer();
      key = ByteBuffer.wrap(bytes(key)).asReadOnlyBuffer();
    }

    @Override
    public ByteBuffer token() {
      return token.duplicate();
    }

    @Override
    public ByteBuffer key() {
      return key.duplicate();
    }

    private static byte[] bytes(ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(buffer.position(), bytes);
      return bytes;
    }

    /** Hides token and key. */
    @Override
    public String toString() {
      return "ThirdPartyToken[keyId=" + keyId + "]";
    }
  }

  /** What a response is good for. */
  enum Verdict {
    ACCEPTED,
    /** As if it had not come. */
    IGNORED,
    /** As if it had not come; but if nothing better comes, somebody tampered with the messages. */
    VIOLATION,
    /** To be sent again in a new transaction, with what the response taught. */
    RETRY,
    /** The server does not let us in. */
    REFUSED
  }

  /** What a request was signed with. */
  record Signature(IntegrityKey key, @Nullable String realm) {}

  /** Adds the credentials to a request whose other attributes are all there; null when there are none to add yet. */
  abstract @Nullable Signature sign(StunBuilder request);

  /** Judges the response to a request that was signed so. */
  abstract Verdict judge(StunMessage response, @Nullable Signature signature);

  static final class None extends ClientAuthentication {
    @Override
    @Nullable Signature sign(StunBuilder request) {
      return null;
    }

    @Override
    Verdict judge(StunMessage response, @Nullable Signature signature) {
      return Verdict.ACCEPTED;
    }
  }

  /** The short-term mechanism on the client's side (RFC 8489 9.1.2, 9.1.4, 9.1.5). */
  static final class ShortTerm extends ClientAuthentication {
    private final String username;
    private final Signature signature;
    private Integrity integrity;

    ShortTerm(String username, String password, Integrity integrity) {
      this.username = OpaqueString.enforce("username", username);
      this.signature = new Signature(IntegrityKey.shortTerm(password), null);
      this.integrity = integrity;
    }

    @Override
    Signature sign(StunBuilder request) {
      integrity.seal(request.put(AttributeType.USERNAME, username), signature.key());
      return signature;
    }

    @Override
    Verdict judge(StunMessage response, @Nullable Signature used) {
      if (!response.verifyIntegrity(signature.key())) {
        return Verdict.VIOLATION; // also errors without integrity: anybody could have sent them
      }
      boolean sha256 = response.has(AttributeType.MESSAGE_INTEGRITY_SHA256);
      if (integrity == Integrity.BOTH) {
        integrity = sha256 ? Integrity.SHA256 : Integrity.SHA1; // RFC 8489 9.1.5
      }
      return Verdict.ACCEPTED;
    }
  }

  /** RFC 7635 on the client's side: the long-term mechanism with a key that comes with a token. */
  static final class ThirdParty extends ClientAuthentication {
    private final Supplier<ThirdPartyToken> source;
    private @Nullable String realm;
    private @Nullable String nonce;
    private @Nullable ThirdPartyToken token;
    private @Nullable Signature signature;

    ThirdParty(Supplier<ThirdPartyToken> source) {
      this.source = source;
    }

    @Override
    @Nullable Signature sign(StunBuilder request) {
      if (realm == null || nonce == null) {
        return null; // RFC 8489 9.2.3.1: the first request shows nothing
      }
      Signature current = current(realm);
      ThirdPartyToken signed = source.get();
      request
          .put(AttributeType.USERNAME, signed.keyId())
          .put(AttributeType.REALM, realm)
          .put(AttributeType.NONCE, nonce)
          .put(AttributeType.ACCESS_TOKEN, signed.token());
      Integrity.SHA1.seal(request, current.key());
      return current;
    }

    private Signature current(String where) {
      ThirdPartyToken newest = source.get();
      if (signature == null || !newest.equals(token) || !where.equals(signature.realm())) {
        token = newest;
        signature = new Signature(IntegrityKey.ofBytes(ThirdPartyToken.bytes(newest.key())), where);
      }
      return signature;
    }

    @Override
    Verdict judge(StunMessage response, @Nullable Signature used) {
      ErrorCode error = response.messageClass() == MessageClass.ERROR
          ? response.get(AttributeType.ERROR_CODE)
          : null;
      int code = error == null ? 0 : error.code();
      if (code == ErrorCode.UNAUTHENTICATED || code == ErrorCode.STALE_NONCE) {
        return challenged(response, code, used);
      }
      return used == null || response.verifyIntegrity(used.key())
          ? Verdict.ACCEPTED
          : Verdict.VIOLATION;
    }

    private Verdict challenged(StunMessage response, int code, @Nullable Signature used) {
      String newNonce = response.get(AttributeType.NONCE);
      String newRealm = response.get(AttributeType.REALM);
      newRealm = newRealm == null ? realm : newRealm;
      if (newNonce == null
          || newRealm == null
          || !TextCodec.isSendable(newNonce)
          || !TextCodec.isSendable(newRealm)) {
        return Verdict.REFUSED;
      }
      nonce = newNonce;
      realm = newRealm;
      boolean changed = used == null || used != current(newRealm);
      return code == ErrorCode.STALE_NONCE || changed ? Verdict.RETRY : Verdict.REFUSED;
    }
  }
}
