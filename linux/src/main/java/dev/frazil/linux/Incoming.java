package dev.frazil.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Room for what one system call receives: datagrams, their senders, and the headers that tell the kernel of both. */
final class Incoming {
  private final int count;
  private final int slot;
  private final MemorySegment bytes;
  private final MemorySegment names;
  private final MemorySegment headers;
  private final MemorySegment nameLength;
  private final ByteBuffer[] buffers;

  /**
   * @param count of datagrams
   * @param slot bytes for each
   */
  Incoming(int count, int slot) {
    this.count = count;
    this.slot = slot;
    Arena arena = Arena.ofAuto();
    bytes = arena.allocate((long) count * slot, 64);
    names = arena.allocate((long) count * KernelAddresses.ROOM, 64);
    headers = arena.allocate((long) count * MessageHeader.LENGTH, 64);
    nameLength = arena.allocate(JAVA_INT);
    MemorySegment vectors = arena.allocate((long) count * MessageHeader.VECTOR_LENGTH, 64);
    buffers = new ByteBuffer[count];
    for (int i = 0; i < count; i++) {
      buffers[i] = bytes.asSlice((long) i * slot, slot).asByteBuffer();
      long vector = (long) i * MessageHeader.VECTOR_LENGTH;
      vectors.set(JAVA_LONG, vector, bytes.address() + (long) i * slot);
      vectors.set(JAVA_LONG, vector + 8, slot);
      long header = (long) i * MessageHeader.LENGTH;
      headers.set(JAVA_LONG, header + MessageHeader.NAME, names.address() + name(i));
      headers.set(JAVA_INT, header + MessageHeader.NAME_LENGTH, KernelAddresses.ROOM);
      headers.set(JAVA_LONG, header + MessageHeader.VECTORS, vectors.address() + vector);
      headers.set(JAVA_LONG, header + MessageHeader.VECTOR_COUNT, 1);
    }
  }

  int slot() {
    return slot;
  }

  /** Receives one datagram into the first place; returns its length or the negative error. */
  int receiveOne(SystemCalls calls, int fd) {
    nameLength.set(JAVA_INT, 0, KernelAddresses.ROOM);
    return calls.recvfrom(
        fd, bytes.address(), slot, SystemCalls.MSG_TRUNC, names.address(), nameLength.address());
  }

  /** Receives as many datagrams as are there and have a place; returns how many, or the negative error. */
  int receive(SystemCalls calls, int fd) {
    int received = calls.recvmmsg(fd, headers.address(), count, SystemCalls.MSG_TRUNC);
    for (int i = 0; i < received; i++) {
      headers.set(
          JAVA_INT,
          (long) i * MessageHeader.LENGTH + MessageHeader.NAME_LENGTH,
          KernelAddresses.ROOM);
    }
    return received;
  }

  int count() {
    return count;
  }

  /** The true length of a datagram that came with others. */
  int length(int index) {
    return headers.get(JAVA_INT, (long) index * MessageHeader.LENGTH + MessageHeader.SIZE);
  }

  MemorySegment names() {
    return names;
  }

  long name(int index) {
    return (long) index * KernelAddresses.ROOM;
  }

  /** A datagram that fits its place, in a buffer as its last reader may have left it. */
  ByteBuffer datagram(int index, int length) {
    return buffers[index].clear().limit(length).order(ByteOrder.BIG_ENDIAN);
  }
}
