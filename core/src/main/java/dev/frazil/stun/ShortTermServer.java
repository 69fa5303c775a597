package dev.frazil.stun;

import dev.frazil.net.TransportAddress;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The short-term checks of a server (RFC 8489 9.1.3). */
final class ShortTermServer extends ServerAuthentication {
  private static final Verdict BAD_REQUEST = Verdict.refused(ErrorCode.BAD_REQUEST, null);
  private static final Verdict UNAUTHENTICATED = Verdict.refused(ErrorCode.UNAUTHENTICATED, null);

  private final Function<String, @Nullable IntegrityKey> keys;

  ShortTermServer(Function<String, @Nullable IntegrityKey> keys) {
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
