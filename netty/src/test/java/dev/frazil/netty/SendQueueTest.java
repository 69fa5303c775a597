package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.SendResult;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.Sockets;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SendQueueTest {
  private final Sockets sockets = Sockets.of(Sockets.Engine.NIO);
  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, sockets.handlers());
  private final Driver driver = new Driver((EventLoop) group.iterator().next(), sockets);

  @AfterEach
  void close() throws Exception {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  /** What happens on the event loop after what waits there now. */
  private void settle() throws Exception {
    driver.eventLoop().submit(() -> {}).get(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  private static ByteBuffer number(int value) {
    return ByteBuffer.allocate(4).putInt(0, value);
  }

  @Test
  void payloadsComeOutWholeInTheirOrderAndTheCallersBufferIsLeftAlone() throws Exception {
    List<Integer> came = new CopyOnWriteArrayList<>();
    SendQueue queue = new SendQueue(driver, (stream, component, payload) -> {
      came.add(payload.readInt());
      payload.release();
    });
    ByteBuffer payload = number(0);
    for (int i = 0; i < 100; i++) {
      assertThat(queue.send(0, 1, payload.putInt(0, i))).isEqualTo(SendResult.SENT);
      assertThat(payload.position()).isZero();
    }
    settle();
    assertThat(came).hasSize(100).isSorted();
  }

  @Test
  void threadThatNeverStopsSendingLeavesTheEventLoopToOthers() throws Exception {
    AtomicReference<SendQueue> self = new AtomicReference<>();
    AtomicInteger sent = new AtomicInteger();
    self.set(new SendQueue(driver, (stream, component, payload) -> {
      payload.release();
      if (sent.incrementAndGet() < 10_000_000) {
        self.get().send(0, 1, number(0)); // as another thread would, as fast as it goes out
      }
    }));
    self.get().send(0, 1, number(0));
    settle();
    assertThat(sent).hasValueLessThan(10_000_000);
    sent.set(10_000_000);
    settle();
  }

  @Test
  void fullQueueDropsAndHasRoomAgainWhenItWasEmptied() throws Exception {
    CountDownLatch free = new CountDownLatch(1);
    driver.executeLater(() -> {
      try {
        free.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    SendQueue queue = new SendQueue(driver, (stream, component, payload) -> payload.release());
    int taken = 0;
    while (queue.send(0, 1, ByteBuffer.allocate(1000)) == SendResult.SENT) {
      taken++;
    }
    assertThat(taken).isEqualTo(256 * 1024 / (1000 + 128));
    free.countDown();
    settle();
    assertThat(queue.send(0, 1, ByteBuffer.allocate(1000))).isEqualTo(SendResult.SENT);
  }

  @Test
  void nothingIsKeptWhenTheRuntimeIsClosed() throws Exception {
    List<ByteBuf> came = new CopyOnWriteArrayList<>();
    SendQueue queue = new SendQueue(driver, (stream, component, payload) -> came.add(payload));
    close();
    for (int i = 0; i < 1000; i++) { // more than the queue holds
      assertThat(queue.send(0, 1, ByteBuffer.allocate(1000))).isEqualTo(SendResult.NO_PATH);
    }
    assertThat(came).isEmpty();
  }
}
