package dev.frazil.netty;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The datagrams of one component that wait to be received. Bounded like the kernel's own buffer: what comes in while it
 * is full is lost.
 */
final class Inbox {
  private static final int LIMIT = 256 * 1024;
  /** What a waiting datagram costs beside its bytes. */
  private static final int OVERHEAD = 64;

  // not synchronized: a virtual thread that waits leaves its carrier
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
  private int size;
  private @Nullable String end;

  /** Keeps a copy of a datagram; false when it was dropped. */
  boolean offer(ByteBuffer datagram) {
    byte[] copy = new byte[datagram.remaining()];
    datagram.get(copy);
    lock.lock();
    try {
      if (end != null || size + copy.length + OVERHEAD > LIMIT) {
        return false;
      }
      size += copy.length + OVERHEAD;
      waiting.add(copy);
      changed.signal();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for a datagram.
   *
   * @return the number of its bytes that were put into the buffer, or -1 when none came in time
   * @throws IceException when none will come any more
   */
  int receive(ByteBuffer into, Duration timeout) throws IceException, InterruptedException {
    byte[] datagram = take(timeout);
    if (datagram == null) {
      return -1;
    }
    int length = Math.min(datagram.length, into.remaining());
    into.put(datagram, 0, length);
    return length;
  }

  private byte @Nullable [] take(Duration timeout) throws IceException, InterruptedException {
    long left = nanos(timeout);
    lock.lockInterruptibly();
    try {
      while (waiting.isEmpty()) {
        if (end != null) {
          throw new IceException(end);
        }
        if (left <= 0) {
          return null;
        }
        left = changed.awaitNanos(left);
      }
      byte[] first = waiting.remove();
      size -= first.length + OVERHEAD;
      return first;
    } finally {
      lock.unlock();
    }
  }

  private static long nanos(Duration timeout) {
    try {
      return timeout.toNanos();
    } catch (ArithmeticException e) {
      return timeout.isNegative() ? 0 : Long.MAX_VALUE;
    }
  }

  /** No more datagrams come; those that wait can still be received. */
  void close(String reason) {
    lock.lock();
    try {
      end = reason;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
