package dev.frazil.stun;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The long-term mechanism on the client's side (RFC 8489 9.2.3, 9.2.5). */
final class LongTermClient extends ClientAuthentication {
  /** A longer list of algorithms is no honest offer, and has to fit into a request. */
  private static final int LONGEST_OFFER = 256;

  private final LongTermCredential credential;
  private @Nullable Login login;

  /** What a challenge made of the credential. */
  private record Login(
      String realm,
      String nonce,
      boolean anonymous,
      List<PasswordAlgorithm> offered,
      PasswordAlgorithm algorithm,
      Signature signature) {}

  LongTermClient(LongTermCredential credential) {
    this.credential = credential;
  }

  @Override
  @Nullable Signature sign(StunBuilder request) {
    if (login == null) {
      return null; // RFC 8489 9.2.3.1: the first request shows nothing
    }
    if (login.anonymous) {
      request.put(AttributeType.USERHASH, credential.userhash(login.realm));
    } else {
      request.put(AttributeType.USERNAME, credential.username());
    }
    request.put(AttributeType.REALM, login.realm).put(AttributeType.NONCE, login.nonce);
    boolean explicit = !login.offered.isEmpty();
    if (explicit) {
      request.put(AttributeType.PASSWORD_ALGORITHMS, login.offered);
      request.put(AttributeType.PASSWORD_ALGORITHM, login.algorithm);
    }
    (explicit ? Integrity.SHA256 : Integrity.SHA1).seal(request, login.signature.key());
    return login.signature;
  }

  @Override
  Verdict judge(StunMessage response, @Nullable Signature signature) {
    ErrorCode error = response.messageClass() == MessageClass.ERROR
        ? response.get(AttributeType.ERROR_CODE)
        : null;
    int code = error == null ? 0 : error.code();
    if (code == ErrorCode.UNAUTHENTICATED || code == ErrorCode.STALE_NONCE) {
      return challenged(response, code, signature);
    }
    if (hidesPasswordAlgorithms(response)) {
      return Verdict.IGNORED;
    }
    return signature == null || response.verifyIntegrity(signature.key())
        ? Verdict.ACCEPTED
        : Verdict.VIOLATION;
  }

  private Verdict challenged(StunMessage response, int code, @Nullable Signature signature) {
    String realm = response.get(AttributeType.REALM);
    boolean known = signature != null && (realm == null || realm.equals(signature.realm()));
    if (code == ErrorCode.UNAUTHENTICATED && known) {
      return Verdict.REFUSED; // RFC 8489 9.2.5: nothing would change
    }
    Login next = answer(response, code == ErrorCode.STALE_NONCE && known);
    if (next == null) {
      return Verdict.REFUSED;
    }
    login = next;
    return Verdict.RETRY;
  }

  /** What to log in with after a challenge; null when that can't be. */
  private @Nullable Login answer(StunMessage response, boolean onlyNonce) {
    String nonce = response.get(AttributeType.NONCE);
    if (nonce == null || !TextCodec.isSendable(nonce)) {
      return null;
    }
    if (onlyNonce && login != null) {
      return new Login(
          login.realm, nonce, login.anonymous, login.offered, login.algorithm, login.signature);
    }
    String realm = response.get(AttributeType.REALM);
    // RFC 8489 9.2.5: no retry when the nonce announces algorithms and the list has gone
    if (realm == null
        || !TextCodec.isSendable(realm)
        || OpaqueString.tryEnforce(realm) == null
        || hidesPasswordAlgorithms(response)) {
      return null;
    }
    SecurityFeatures features = SecurityFeatures.of(nonce);
    List<PasswordAlgorithm> offered =
        features.passwordAlgorithms() ? response.get(AttributeType.PASSWORD_ALGORITHMS) : null;
    offered = offered == null ? List.of() : offered;
    PasswordAlgorithm algorithm =
        features.passwordAlgorithms() ? firstSupported(offered) : PasswordAlgorithm.MD5;
    if (algorithm == null) {
      return null;
    }
    Signature signature = new Signature(credential.key(realm, algorithm), realm);
    return new Login(realm, nonce, features.usernameAnonymity(), offered, algorithm, signature);
  }

  private static boolean hidesPasswordAlgorithms(StunMessage response) {
    String nonce = response.get(AttributeType.NONCE);
    return nonce != null
        && SecurityFeatures.of(nonce).passwordAlgorithms()
        && response.get(AttributeType.PASSWORD_ALGORITHMS) == null;
  }

  private static @Nullable PasswordAlgorithm firstSupported(List<PasswordAlgorithm> offered) {
    int length = 0;
    for (PasswordAlgorithm algorithm : offered) {
      length += 4 + (algorithm.parameters().remaining() + 3 & ~3);
    }
    if (length > LONGEST_OFFER) {
      return null;
    }
    for (PasswordAlgorithm algorithm : offered) {
      if (algorithm.isSupported()) {
        return algorithm;
      }
    }
    return null;
  }
}
