package dev.frazil.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.stun.IntegrityKey;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * A self-contained token of third-party authorization (RFC 7635 6.2): an authorization server, which shares a key with
 * the TURN server, tells it how the bearer signs and until when.
 */
public final class AccessToken {
  /** No real token comes near. */
  private static final int LONGEST = 1024;

  private static final int NONCE_LENGTH = 12; // AEAD_AES_256_GCM (RFC 5116 5.2)
  private static final int TAG_BITS = 128;

  private final byte[] macKey;
  private final long issued;
  private final long lifetime;

  /**
   * A token.
   *
   * @param macKey what the bearer signs its requests with, 1 to 512 bytes
   * @param issued when it was made, in seconds since 1970
   * @param lifetime how long it is good from then, in seconds, below 2^32
   */
  public AccessToken(byte[] macKey, long issued, long lifetime) {
    if (macKey.length == 0 || macKey.length > 512) {
      throw new IllegalArgumentException("macKey has 1 to 512 bytes, not " + macKey.length);
    }
    if (issued < 0 || issued >>> 48 != 0 || lifetime < 0 || lifetime >>> 32 != 0) {
      throw new IllegalArgumentException("issued " + issued + " and lifetime " + lifetime
          + ": 48 and 32 bits of seconds hold them (RFC 7635 6.2)");
    }
    this.macKey = macKey.clone();
    this.issued = issued;
    this.lifetime = lifetime;
  }

  /** When it was made, in seconds since 1970. */
  public long issued() {
    return issued;
  }

  /** When it ends, in seconds since 1970. */
  public long expiry() {
    return issued + lifetime;
  }

  /** What the bearer's requests are signed with. */
  IntegrityKey key() {
    return IntegrityKey.ofBytes(macKey);
  }

  /**
   * Seals the token for a server: the value of ACCESS-TOKEN.
   *
   * @param key shared with the TURN server; 32 bytes make it AEAD_AES_256_GCM
   * @param serverName the TURN server's name, as THIRD-PARTY-AUTHORIZATION tells it
   * @param nonce 12 bytes, never used with the key before
   */
  public ByteBuffer encode(byte[] key, String serverName, byte[] nonce) {
    ByteBuffer block = ByteBuffer.allocate(2 + macKey.length + 8 + 4);
    block.putShort((short) macKey.length).put(macKey).putLong(issued << 16).putInt((int) lifetime);
    try {
      byte[] sealed = cipher(Cipher.ENCRYPT_MODE, key, serverName, nonce).doFinal(block.array());
      ByteBuffer token = ByteBuffer.allocate(2 + nonce.length + sealed.length);
      return token.putShort((short) nonce.length).put(nonce).put(sealed).flip();
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "key of " + key.length + " and nonce of " + nonce.length + " bytes do not fit AES-GCM",
          e);
    }
  }

  /**
   * Opens the value of an ACCESS-TOKEN. The position stays.
   *
   * @return null when it is malformed, or was not sealed with this key for this server
   */
  public static @Nullable AccessToken tryDecode(ByteBuffer token, byte[] key, String serverName) {
    ByteBuffer bytes = token.duplicate();
    if (bytes.remaining() > LONGEST) {
      return null;
    }
    try {
      byte[] nonce = new byte[bytes.getShort() & 0xFFFF];
      if (nonce.length != NONCE_LENGTH
          || bytes.get(nonce).remaining() < TAG_BITS / 8) { // which providers do not check
        return null;
      }
      byte[] sealed = new byte[bytes.remaining()];
      bytes.get(sealed);
      ByteBuffer block =
          ByteBuffer.wrap(cipher(Cipher.DECRYPT_MODE, key, serverName, nonce).doFinal(sealed));
      byte[] macKey = new byte[block.getShort() & 0x3FF];
      block.get(macKey);
      long issued = block.getLong() >>> 16; // 48 bits of seconds, 16 of 1/64000 seconds
      return new AccessToken(macKey, issued, block.getInt() & 0xFFFF_FFFFL);
    } catch (GeneralSecurityException | BufferUnderflowException | IllegalArgumentException e) {
      return null;
    }
  }

  private static Cipher cipher(int mode, byte[] key, String serverName, byte[] nonce)
      throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG_BITS, nonce));
    cipher.updateAAD(serverName.getBytes(UTF_8));
    return cipher;
  }

  /** Hides the key. */
  @Override
  public String toString() {
    return "AccessToken[issued=" + issued + ", lifetime=" + lifetime + "]";
  }
}
