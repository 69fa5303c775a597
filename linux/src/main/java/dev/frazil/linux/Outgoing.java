package dev.frazil.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.frazil.net.TransportAddress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The datagrams that the ports of an event loop send at the end of the turn, each port's in a chain of its own. Those in a
 * row that go to one place and have one size leave as one message, which the kernel cuts (UDP_SEGMENT): it then goes
 * through the kernel's layers once.
 */
final class Outgoing {
  /** The end of a chain. */
  static final int NONE = -1;

  private static final int MOST = 128;
  private static final int BYTES = 256 * 1024;
  /** What the kernel cuts one message into at most, in all versions. */
  private static final int MOST_SEGMENTS = 64;

  private static final int LONGEST_RUN = 65_000;

  private static final int CONTROL_USED = MessageHeader.CONTROL_VALUE + Short.BYTES;

  private final MemorySegment bytes;
  private final MemorySegment names;
  private final MemorySegment headers;
  private final MemorySegment vectors;
  private final MemorySegment controls;
  private final ByteBuffer view;
  private final @Nullable TransportAddress[] remotes = new TransportAddress[MOST];
  private final int[] offsets = new int[MOST];
  private final int[] lengths = new int[MOST];
  private final int[] next = new int[MOST];
  /** Of each message that is built: the first datagram of its chain. */
  private final int[] firsts = new int[MOST];

  private int count;
  private int used;
  private int waiting;

  Outgoing() {
    Arena arena = Arena.ofAuto();
    bytes = arena.allocate(BYTES, 64);
    names = arena.allocate((long) MOST * KernelAddresses.ROOM, 64);
    headers = arena.allocate((long) MOST * MessageHeader.LENGTH, 64);
    vectors = arena.allocate((long) MOST * MessageHeader.VECTOR_LENGTH, 64);
    controls = arena.allocate((long) MOST * MessageHeader.CONTROL_ROOM, 64);
    view = bytes.asByteBuffer();
    for (int i = 0; i < MOST; i++) {
      headers.set(
          JAVA_LONG,
          (long) i * MessageHeader.LENGTH + MessageHeader.NAME,
          names.address() + (long) i * KernelAddresses.ROOM);
      long control = (long) i * MessageHeader.CONTROL_ROOM;
      controls.set(JAVA_LONG, control, CONTROL_USED);
      controls.set(JAVA_INT, control + MessageHeader.CONTROL_LEVEL, MessageHeader.SOL_UDP);
      controls.set(JAVA_INT, control + MessageHeader.CONTROL_TYPE, MessageHeader.UDP_SEGMENT);
    }
  }

  boolean isEmpty() {
    return count == 0;
  }

  boolean hasRoom(int length) {
    return count < MOST && used + length <= BYTES;
  }

  /** Begins a datagram; its bytes are put into the buffer that is returned. */
  ByteBuffer begin(TransportAddress remote, int length) {
    remotes[count] = remote;
    offsets[count] = used;
    lengths[count] = length;
    next[count] = NONE;
    return view.clear().position(used).limit(used + length);
  }

  /** Ends what was begun, and hangs it behind the last datagram of its port; returns its number. */
  int end(int last) {
    if (last != NONE) {
      next[last] = count;
    }
    used += lengths[count];
    waiting++;
    return count++;
  }

  /** The datagram after this one in its chain. */
  int next(int index) {
    return next[index];
  }

  /** The datagrams of a chain are sent or given up. */
  void release(int datagrams) {
    waiting -= datagrams;
    if (waiting == 0) {
      count = 0;
      used = 0;
    }
  }

  /** Sends one datagram; returns its length or the negative error. */
  int sendOne(SystemCalls calls, int fd, int index, int scope) {
    int nameLength = KernelAddresses.put(names, 0, remote(index), scope);
    return calls.sendto(
        fd, bytes.address() + offsets[index], lengths[index], names.address(), nameLength);
  }

  /**
   * Makes messages of a chain.
   *
   * @param segment the longest datagram that may be part of a run; 0 for no runs
   * @return how many
   */
  int build(int first, int scope, int segment) {
    int messages = 0;
    int vector = 0;
    for (int i = first; i != NONE; messages++) {
      int size = lengths[i];
      int end = size <= segment ? endOfRun(i) : next[i];
      firsts[messages] = i;
      int vectorsBefore = vector;
      for (; i != end; i = next[i]) {
        long at = (long) vector++ * MessageHeader.VECTOR_LENGTH;
        vectors.set(JAVA_LONG, at, bytes.address() + offsets[i]);
        vectors.set(JAVA_LONG, at + 8, lengths[i]);
      }
      header(messages, vectorsBefore, vector - vectorsBefore, size, scope);
    }
    return messages;
  }

  /** The datagram after those that can leave with this one: same place, same size, but the last may be shorter. */
  private int endOfRun(int first) {
    int size = lengths[first];
    int total = size;
    int segments = 1;
    int i = next[first];
    while (i != NONE && segments < MOST_SEGMENTS) {
      int length = lengths[i];
      total += length;
      boolean fits = length <= size && length > 0 && total <= LONGEST_RUN;
      if (!fits || !isSame(remote(first), remote(i))) {
        break;
      }
      segments++;
      i = next[i];
      if (length < size) {
        break;
      }
    }
    return i;
  }

  private static boolean isSame(TransportAddress one, TransportAddress other) {
    return one == other || one.equals(other);
  }

  private void header(int message, int vector, int vectorCount, int size, int scope) {
    long at = (long) message * MessageHeader.LENGTH;
    int nameLength = KernelAddresses.put(
        names, (long) message * KernelAddresses.ROOM, remote(firsts[message]), scope);
    headers.set(JAVA_INT, at + MessageHeader.NAME_LENGTH, nameLength);
    headers.set(
        JAVA_LONG,
        at + MessageHeader.VECTORS,
        vectors.address() + (long) vector * MessageHeader.VECTOR_LENGTH);
    headers.set(JAVA_LONG, at + MessageHeader.VECTOR_COUNT, vectorCount);
    boolean run = vectorCount > 1;
    long control = (long) message * MessageHeader.CONTROL_ROOM;
    headers.set(JAVA_LONG, at + MessageHeader.CONTROL, run ? controls.address() + control : 0);
    headers.set(JAVA_LONG, at + MessageHeader.CONTROL_LENGTH, run ? MessageHeader.CONTROL_ROOM : 0);
    controls.set(JAVA_SHORT, control + MessageHeader.CONTROL_VALUE, (short) size);
  }

  /** Sends messages that were built; returns how many were taken, or the negative error of the first. */
  int send(SystemCalls calls, int fd, int from, int messages) {
    return calls.sendmmsg(
        fd, headers.address() + (long) from * MessageHeader.LENGTH, messages - from);
  }

  /** The first datagram of a message that was built. */
  int first(int message) {
    return firsts[message];
  }

  /** How long the datagrams of a message are, when it is a run; else 0. */
  int segmentOf(int message) {
    long at = (long) message * MessageHeader.LENGTH;
    return headers.get(JAVA_LONG, at + MessageHeader.CONTROL) == 0 ? 0 : lengths[firsts[message]];
  }

  @SuppressWarnings("NullAway") // what has a number has a place to go to
  private TransportAddress remote(int index) {
    return remotes[index];
  }
}
