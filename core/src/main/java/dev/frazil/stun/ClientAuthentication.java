package dev.frazil.stun;

import org.jspecify.annotations.Nullable;

/**
 * How a client proves to one server who it is, and finds out whether a response is the server's (RFC 8489 9). It
 * remembers what it learnt about the server, so it belongs to one client.
 */
public abstract sealed class ClientAuthentication
    permits ClientAuthentication.None, ClientAuthentication.ShortTerm, LongTermClient {
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
}
