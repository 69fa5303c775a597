package dev.frazil.server;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The keys that this server shares with authorization servers (RFC 7635 4.1), by their ID. */
final class OauthKeys implements Function<String, byte @Nullable []> {
  private static final String FORM = "(hidden): has to be ID:KEY or ID:KEY:EXPIRY";

  /** A key for AES-GCM, 128 or 256 bits long, and when it is no longer good. */
  private static final class Key {
    final byte[] bytes;
    final Instant expiry;

    Key(byte[] bytes, Instant expiry) {
      this.bytes = bytes;
      this.expiry = expiry;
    }
  }

  private final Map<String, Key> keys = new LinkedHashMap<>();
  private final InstantSource clock;

  OauthKeys(InstantSource clock) {
    this.clock = clock;
  }

  /** Adds {@code ID:KEY[:EXPIRY]}, the key in Base64, the expiry as in 2027-01-01T00:00:00Z. */
  void add(String text) {
    String[] parts = text.split(":", 3);
    if (parts.length < 2 || parts[0].isEmpty()) {
      throw new IllegalArgumentException(FORM);
    }
    byte[] bytes = key(parts[0], parts[1]);
    Instant expiry = parts.length < 3 ? Instant.MAX : expiry(parts[2]);
    if (keys.putIfAbsent(parts[0], new Key(bytes, expiry)) != null) {
      throw new IllegalArgumentException("'" + parts[0] + "' is given twice");
    }
  }

  private static byte[] key(String id, String base64) {
    try {
      byte[] bytes = Base64.getDecoder().decode(base64);
      if (bytes.length == 16 || bytes.length == 32) {
        return bytes;
      }
    } catch (IllegalArgumentException e) {
      // told below
    }
    throw new IllegalArgumentException("the key of '" + id
        + "' has to be 16 or 32 bytes in Base64, for AES-GCM with 128 or 256 bits (RFC 7635 6.2)");
  }

  private static Instant expiry(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "'" + text + "': has to be a time as in 2027-01-01T00:00:00Z");
    }
  }

  boolean isEmpty() {
    return keys.isEmpty();
  }

  int size() {
    return keys.size();
  }

  @Override
  public byte @Nullable [] apply(String id) {
    Key key = keys.get(id);
    return key == null || !clock.instant().isBefore(key.expiry) ? null : key.bytes;
  }
}
