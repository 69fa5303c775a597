package dev.frazil.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Room for what one system call receives: messages, their senders, and the headers that tell the kernel of both. A message
 * is a datagram, or several of one size from one sender which the kernel or the network card joined (UDP_GRO), the last
 * perhaps shorter: they then went through the kernel's layers once.
 */
final class Incoming {
  private static final int COUNT = 64;
  /** The longest that the kernel joins, and what keeps the slots from meeting in the same lines of a processor's cache. */
  private static final int SLOT = 65_536 + 2112;

  private final MemorySegment names;
  private final MemorySegment headers;
  private final MemorySegment controls;
  private final ByteBuffer[] buffers = new ByteBuffer[COUNT];
  /** So many headers the kernel wrote to when it was last asked. */
  private int used = 1;

  Incoming() {
    Arena arena = Arena.ofAuto();
    MemorySegment bytes = arena.allocate((long) COUNT * SLOT, 64);
    names = arena.allocate((long) COUNT * KernelAddresses.ROOM, 64);
    headers = arena.allocate((long) COUNT * MessageHeader.LENGTH, 64);
    controls = arena.allocate((long) COUNT * MessageHeader.CONTROL_ROOM, 64);
    MemorySegment vectors = arena.allocate((long) COUNT * MessageHeader.VECTOR_LENGTH, 64);
    for (int i = 0; i < COUNT; i++) {
      buffers[i] = bytes.asSlice((long) i * SLOT, SLOT).asByteBuffer();
      long vector = (long) i * MessageHeader.VECTOR_LENGTH;
      vectors.set(JAVA_LONG, vector, bytes.address() + (long) i * SLOT);
      vectors.set(JAVA_LONG, vector + 8, SLOT);
      long header = header(i);
      headers.set(JAVA_LONG, header + MessageHeader.NAME, names.address() + name(i));
      headers.set(JAVA_LONG, header + MessageHeader.VECTORS, vectors.address() + vector);
      headers.set(JAVA_LONG, header + MessageHeader.VECTOR_COUNT, 1);
      headers.set(JAVA_LONG, header + MessageHeader.CONTROL, controls.address() + control(i));
      makeRoom(i);
    }
  }

  /** The kernel left there how much room it took. */
  private void makeRoom() {
    for (int i = 0; i < used; i++) {
      makeRoom(i);
    }
    used = 1;
  }

  private void makeRoom(int index) {
    long header = header(index);
    headers.set(JAVA_INT, header + MessageHeader.NAME_LENGTH, KernelAddresses.ROOM);
    headers.set(JAVA_LONG, header + MessageHeader.CONTROL_LENGTH, MessageHeader.CONTROL_ROOM);
  }

  /** Receives one message into the first place; returns its length or the negative error. */
  int receiveOne(SystemCalls calls, int fd) {
    makeRoom();
    return calls.recvmsg(fd, headers.address(), SystemCalls.MSG_TRUNC);
  }

  /** Receives as many messages as are there and have a place; returns how many, or the negative error. */
  int receive(SystemCalls calls, int fd) {
    makeRoom();
    int received = calls.recvmmsg(fd, headers.address(), COUNT, SystemCalls.MSG_TRUNC);
    used = Math.max(1, received);
    return received;
  }

  /** The true length of a message that came with others. */
  int length(int index) {
    return headers.get(JAVA_INT, header(index) + MessageHeader.SIZE);
  }

  /** How long the datagrams are that a message was joined from; its own length when it was not. */
  int segment(int index, int length) {
    long control = control(index);
    boolean joined = headers.get(JAVA_LONG, header(index) + MessageHeader.CONTROL_LENGTH) != 0
        && controls.get(JAVA_INT, control + MessageHeader.CONTROL_LEVEL) == MessageHeader.SOL_UDP
        && controls.get(JAVA_INT, control + MessageHeader.CONTROL_TYPE) == MessageHeader.UDP_GRO;
    int size = joined ? controls.get(JAVA_INT, control + MessageHeader.CONTROL_VALUE) : length;
    return size > 0 ? size : length;
  }

  MemorySegment names() {
    return names;
  }

  long name(int index) {
    return (long) index * KernelAddresses.ROOM;
  }

  private static long header(int index) {
    return (long) index * MessageHeader.LENGTH;
  }

  private static long control(int index) {
    return (long) index * MessageHeader.CONTROL_ROOM;
  }

  /**
   * A datagram of a message that fits its place, in a buffer as its last reader may have left it. Those behind the first are
   * moved to the front, over what was handled: that costs less than an object for each.
   */
  ByteBuffer datagram(int index, int from, int length) {
    ByteBuffer buffer = buffers[index].clear();
    if (from > 0) {
      buffer.put(0, buffer, from, length);
    }
    return buffer.limit(length).order(ByteOrder.BIG_ENDIAN);
  }
}
