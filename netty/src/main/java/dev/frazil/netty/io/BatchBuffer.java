package dev.frazil.netty.io;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.nio.ByteBuffer;

/**
 * Room for the datagrams that one system call receives, over and over: a channel has seen to all of them before it, or
 * another one of the event loop, reads again. So nobody can release it, and its parts cost nothing.
 */
final class BatchBuffer extends UnpooledDirectByteBuf {
  private final int slot;
  private final ByteBuf[] datagrams;

  /**
   * @param slot the length of the longest datagram
   * @param count how many there is room for
   */
  BatchBuffer(int slot, int count) {
    this(slot, ByteBuffer.allocateDirect(slot * count));
  }

  private BatchBuffer(int slot, ByteBuffer bytes) {
    super(UnpooledByteBufAllocator.DEFAULT, bytes, bytes.capacity());
    this.slot = slot;
    datagrams = new ByteBuf[bytes.capacity() / slot];
    for (int i = 0; i < datagrams.length; i++) {
      datagrams[i] =
          Unpooled.unreleasableBuffer(Unpooled.wrappedBuffer(bytes.slice(i * slot, slot)));
    }
  }

  /** The datagram that starts there, as Netty asks for it after a system call. */
  @Override
  public ByteBuf retainedSlice(int index, int length) {
    return datagrams[index / slot].setIndex(0, length);
  }

  @Override
  public boolean release() {
    return false;
  }
}
