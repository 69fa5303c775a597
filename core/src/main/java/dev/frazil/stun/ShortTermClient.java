package dev.frazil.stun;

import org.jspecify.annotations.Nullable;

/** The short-term mechanism on the client's side (RFC 8489 9.1.2, 9.1.4, 9.1.5). */
final class ShortTermClient extends ClientAuthentication {
  private final String username;
  private final Signature signature;
  private Integrity integrity;

  ShortTermClient(String username, String password, Integrity integrity) {
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
