package dev.frazil.netty;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;

/**
 * A {@link SecureRandom} that is asked for many bytes at once, because each request costs it the same. Safe for use by
 * several threads.
 */
final class SecureBits implements RandomGenerator {
  private static final int BYTES = 1024;

  private final SecureRandom source = new SecureRandom();
  private final ReentrantLock lock = new ReentrantLock();
  private final byte[] bytes = new byte[BYTES];
  private final ByteBuffer buffer = ByteBuffer.wrap(bytes).limit(0);

  @Override
  public long nextLong() {
    lock.lock();
    try {
      if (!buffer.hasRemaining()) {
        source.nextBytes(bytes);
        buffer.clear();
      }
      int from = buffer.position();
      long value = buffer.getLong();
      Arrays.fill(bytes, from, buffer.position(), (byte) 0); // what was given out is kept by nobody
      return value;
    } finally {
      lock.unlock();
    }
  }
}
