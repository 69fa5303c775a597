package dev.frazil.netty.io;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;

/**
 * Tells the channels of an event loop how to read: as many datagrams as one system call receives, or one where datagrams come
 * alone, because preparing room for many costs more than receiving one. Reading goes on only after a full batch: after any
 * other the socket is empty, and asking it once more would cost a system call for each datagram that comes alone. All read
 * into the same room.
 */
final class BatchAllocator implements RecvByteBufAllocator {
  /** After so many the event loop turns to its other sockets. */
  private static final int MOST_BATCHES = 8;

  /** A datagram that comes so soon after the last one is seldom alone. */
  private static final long SOON_NANOS = 100_000;

  /** So often in a row a socket shows that it changed. */
  private static final int CONVINCING = 4;

  private final int slot;
  private final int batch;
  private final BatchBuffer many;
  private final BatchBuffer one;

  /**
   * @param slot the length of the longest datagram
   * @param batch how many datagrams one system call receives at most
   */
  BatchAllocator(int slot, int batch) {
    this.slot = slot;
    this.batch = batch;
    many = new BatchBuffer(slot, batch);
    one = new BatchBuffer(slot, 1);
  }

  int slot() {
    return slot;
  }

  @Override
  @SuppressWarnings("deprecation") // Netty asks for the extended handle by a cast
  public Handle newHandle() {
    return new Batch();
  }

  private final class Batch implements ExtendedHandle {
    private int last;
    private int total;
    private int bytes;
    private int attempted;
    private boolean autoRead;
    private boolean inBatches = true;
    private int doubts;
    private long lastTime;

    @Override
    public ByteBuf allocate(ByteBufAllocator allocator) {
      return (inBatches ? many : one).clear();
    }

    @Override
    public int guess() {
      return inBatches ? slot * batch : slot;
    }

    @Override
    public void reset(ChannelConfig config) {
      autoRead = config.isAutoRead();
      last = 0;
      total = 0;
    }

    @Override
    public void incMessagesRead(int count) {
      last = count;
      total += count;
    }

    @Override
    public void lastBytesRead(int count) {
      bytes = count;
    }

    @Override
    public int lastBytesRead() {
      return bytes;
    }

    @Override
    public void attemptedBytesRead(int count) {
      attempted = count;
    }

    @Override
    public int attemptedBytesRead() {
      return attempted;
    }

    @Override
    public boolean continueReading() {
      return autoRead && inBatches && last == batch && total < MOST_BATCHES * batch;
    }

    @Override
    public boolean continueReading(UncheckedBooleanSupplier maybeMore) {
      return continueReading();
    }

    @Override
    public void readComplete() {
      boolean doubt = total <= 1;
      if (!inBatches) {
        long now = System.nanoTime();
        doubt = now - lastTime < SOON_NANOS;
        lastTime = now;
      }
      doubts = doubt ? doubts + 1 : 0;
      if (doubts == CONVINCING) {
        inBatches = !inBatches;
        doubts = 0;
      }
    }
  }
}
