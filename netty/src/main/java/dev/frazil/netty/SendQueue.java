package dev.frazil.netty;

import dev.frazil.ice.SendResult;
import dev.frazil.netty.io.Driver;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Payloads on their way from other threads to a session's event loop.
 *
 * <p>The agent has one owner, so a payload has to change threads, and as the caller keeps its buffer it has to be copied
 * once: into a buffer that then goes to the kernel as it is. A burst costs one wake-up and leaves in one system call
 * where the transport can.
 */
final class SendQueue {
  private static final int LIMIT = 256 * 1024;
  /** What a waiting payload costs beside its bytes. */
  private static final int OVERHEAD = 128;

  /** What takes the payloads on the event loop. */
  interface Exit {
    /** Takes a payload over. */
    void send(int stream, int component, ByteBuf payload);
  }

  private record Entry(int stream, int component, ByteBuf payload) {
    int cost() {
      return payload.readableBytes() + OVERHEAD;
    }
  }

  private final Driver driver;
  private final Exit exit;
  private final ConcurrentLinkedQueue<Entry> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger size = new AtomicInteger();
  private final AtomicBoolean awake = new AtomicBoolean();
  private final Runnable drain = this::drain;

  SendQueue(Driver driver, Exit exit) {
    this.driver = driver;
    this.exit = exit;
  }

  /** From any thread. */
  SendResult send(int stream, int component, ByteBuffer payload) {
    int cost = payload.remaining() + OVERHEAD;
    if (size.addAndGet(cost) > LIMIT) {
      size.addAndGet(-cost);
      return SendResult.DROPPED;
    }
    int position = payload.position();
    ByteBuf copy = ByteBufAllocator.DEFAULT.directBuffer(payload.remaining());
    copy.writeBytes(payload);
    payload.position(position);
    waiting.add(new Entry(stream, component, copy));
    return wake() ? SendResult.SENT : SendResult.NO_PATH;
  }

  /** False when the runtime is closed. */
  private boolean wake() {
    if (awake.compareAndSet(false, true) && !driver.executeLater(drain)) {
      awake.set(false);
      release();
      return false;
    }
    return true;
  }

  private void drain() {
    awake.set(false); // first: who comes from now on wakes again
    int left = size.get(); // no more than are here now: who goes on must not keep the event loop
    driver.beginTurn();
    try {
      while (left > 0) {
        Entry entry = waiting.poll();
        if (entry == null) {
          break;
        }
        int cost = entry.cost();
        left -= cost;
        size.addAndGet(-cost);
        exit.send(entry.stream(), entry.component(), entry.payload());
      }
    } finally {
      driver.endTurn();
      if (!waiting.isEmpty()) {
        wake();
      }
    }
  }

  private void release() {
    Entry entry = waiting.poll();
    while (entry != null) {
      size.addAndGet(-entry.cost());
      entry.payload().release();
      entry = waiting.poll();
    }
  }
}
