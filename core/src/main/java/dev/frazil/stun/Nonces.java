package dev.frazil.stun;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Nonces that need no memory: the time of expiry, and an HMAC over it and the client's transport address, so that a
 * nonce is good for that client alone (RFC 8489 9.2.4).
 */
final class Nonces {
  private static final int TIME_LENGTH = 8;
  private static final int HMAC_LENGTH = 16;

  private final String cookie;
  private final long lifetime;
  private final Hmac hmac;
  private final byte[] message = new byte[64];
  private final byte[] result = new byte[32];

  /**
   * A source of nonces.
   *
   * @param lifetime in nanoseconds
   */
  Nonces(SecurityFeatures features, long lifetime, RandomGenerator random) {
    byte[] secret = new byte[32];
    random.nextBytes(secret);
    this.cookie = features.cookie();
    this.lifetime = lifetime;
    this.hmac = new Hmac("SHA-256", secret);
  }

  String create(TransportAddress client, long now) {
    long expiry = now + lifetime;
    byte[] value = Arrays.copyOf(
        ByteBuffer.allocate(TIME_LENGTH).putLong(expiry).array(), TIME_LENGTH + HMAC_LENGTH);
    System.arraycopy(authenticate(client, expiry), 0, value, TIME_LENGTH, HMAC_LENGTH);
    return cookie + Base64.getUrlEncoder().withoutPadding().encodeToString(value);
  }

  /** Whether the nonce was created here for that client and has not expired. */
  boolean isValid(String nonce, TransportAddress client, long now) {
    byte[] value = nonce.startsWith(cookie) ? decode(nonce.substring(cookie.length())) : null;
    if (value == null || value.length != TIME_LENGTH + HMAC_LENGTH) {
      return false;
    }
    long expiry = ByteBuffer.wrap(value).getLong();
    byte[] expected = authenticate(client, expiry);
    int difference = 0;
    for (int i = 0; i < HMAC_LENGTH; i++) {
      difference |= expected[i] ^ value[TIME_LENGTH + i];
    }
    return difference == 0 && now < expiry;
  }

  private static byte @Nullable [] decode(String text) {
    try {
      return Base64.getUrlDecoder().decode(text.getBytes(ISO_8859_1));
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private byte[] authenticate(TransportAddress client, long expiry) {
    ByteBuffer bytes = ByteBuffer.wrap(message);
    bytes.putLong(expiry).putLong(client.ip().high()).putLong(client.ip().low());
    bytes.putInt(client.ip().scopeId()).putInt(client.port());
    bytes.put((byte) client.ip().family()).put((byte) client.transport().ordinal());
    hmac.compute(message, bytes.position(), result);
    return result;
  }
}
