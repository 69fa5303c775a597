package dev.frazil.netty;

import dev.frazil.ice.SendResult;
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

  private record Entry(int stream, int component, ByteBuf payload) {}

  private final DrivenAgent agent;
  private final ConcurrentLinkedQueue<Entry> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger size = new AtomicInteger();
  private final AtomicBoolean awake = new AtomicBoolean();

  SendQueue(DrivenAgent agent) {
    this.agent = agent;
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
    if (awake.compareAndSet(false, true) && !agent.driver().executeLater(this::drain)) {
      awake.set(false);
      release(); // the runtime is closed
      return SendResult.NO_PATH;
    }
    return SendResult.SENT;
  }

  private void drain() {
    awake.set(false); // first: who comes from now on wakes again
    agent.driver().beginTurn();
    try {
      Entry entry = waiting.poll();
      while (entry != null) {
        size.addAndGet(-cost(entry));
        agent.send(entry.stream(), entry.component(), entry.payload());
        entry = waiting.poll();
      }
    } finally {
      agent.driver().endTurn();
    }
  }

  private void release() {
    Entry entry = waiting.poll();
    while (entry != null) {
      size.addAndGet(-cost(entry));
      entry.payload().release();
      entry = waiting.poll();
    }
  }

  private static int cost(Entry entry) {
    return entry.payload().readableBytes() + OVERHEAD;
  }
}
