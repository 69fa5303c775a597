package dev.frazil.net;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The things of a machine that expire, ordered by deadline; those with equal deadlines in the order they were scheduled.
 *
 * <p>Entries are intrusive, so scheduling allocates nothing: adding, moving and cancelling cost O(log n), looking at the
 * earliest O(1). An entry belongs to at most one queue at a time.
 */
public final class DeadlineQueue<E extends DeadlineQueue.Entry> {
  /** Something that expires. */
  public abstract static class Entry {
    private int slot = -1;
    private long deadline = ProtocolMachine.NEVER;
    private long sequence;

    /** For subclasses. */
    protected Entry() {}

    /** When this entry is due, or {@link ProtocolMachine#NEVER} when it is in no queue. */
    public final long deadline() {
      return deadline;
    }
  }

  private Entry[] heap = new Entry[16];
  private int size;
  private long sequence;

  /** Adds an entry, or moves it when it is here already. {@link ProtocolMachine#NEVER} cancels it. */
  public void schedule(E entry, long deadline) {
    if (deadline == ProtocolMachine.NEVER) {
      cancel(entry);
      return;
    }
    Entry e = entry;
    requireHereOrNowhere(e);
    e.deadline = deadline;
    e.sequence = sequence++;
    if (e.slot < 0) {
      if (size == heap.length) {
        heap = Arrays.copyOf(heap, size * 2);
      }
      place(e, size++);
    }
    siftUp(e.slot);
    siftDown(e.slot);
  }

  /** Takes an entry out; does nothing when it is not here. */
  public void cancel(E entry) {
    Entry e = entry;
    requireHereOrNowhere(e);
    int slot = e.slot;
    if (slot < 0) {
      return;
    }
    Entry last = heap[--size];
    heap[size] = null;
    e.slot = -1;
    e.deadline = ProtocolMachine.NEVER;
    if (last != e) {
      place(last, slot);
      siftUp(slot);
      siftDown(last.slot);
    }
  }

  private void requireHereOrNowhere(Entry entry) {
    if (entry.slot >= 0 && (entry.slot >= size || heap[entry.slot] != entry)) {
      throw new IllegalStateException("entry is in another queue");
    }
  }

  /** The earliest deadline, or {@link ProtocolMachine#NEVER} when empty. */
  public long nextDeadline() {
    return size == 0 ? ProtocolMachine.NEVER : heap[0].deadline;
  }

  /** Removes and returns the earliest entry when it is due at {@code now}, else null. */
  public @Nullable E poll(long now) {
    if (size == 0 || heap[0].deadline > now) {
      return null;
    }
    @SuppressWarnings("unchecked") // only schedule() puts entries in
    E first = (E) heap[0];
    cancel(first);
    return first;
  }

  /** The number of entries. */
  public int size() {
    return size;
  }

  private void place(Entry entry, int slot) {
    heap[slot] = entry;
    entry.slot = slot;
  }

  private void siftUp(int slot) {
    Entry moving = heap[slot];
    while (slot > 0) {
      int parent = (slot - 1) >>> 1;
      if (!before(moving, heap[parent])) {
        break;
      }
      place(heap[parent], slot);
      slot = parent;
    }
    place(moving, slot);
  }

  private void siftDown(int slot) {
    Entry moving = heap[slot];
    while (true) {
      int child = 2 * slot + 1;
      if (child >= size) {
        break;
      }
      if (child + 1 < size && before(heap[child + 1], heap[child])) {
        child++;
      }
      if (!before(heap[child], moving)) {
        break;
      }
      place(heap[child], slot);
      slot = child;
    }
    place(moving, slot);
  }

  private static boolean before(Entry a, Entry b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.sequence < b.sequence;
  }
}
