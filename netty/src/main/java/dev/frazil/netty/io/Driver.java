package dev.frazil.netty.io;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.ProtocolMachine;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Drives the machines of one event loop: all their deadlines are in one heap, and one task is scheduled for the
 * earliest. Used on the event loop only, but for {@link #execute} and what is said so.
 */
public final class Driver {
  /** The origin of time, the same for all runtimes of a process, so that they can share a pace. */
  private static final long ORIGIN = System.nanoTime();

  /** How many datagrams one system call receives at most, where the engine can; of long ones fewer. */
  private static final int BATCH = 16;

  private static final int LONG_BATCH = 4;
  /** One byte more than the longest shows that a datagram was longer. */
  private static final int SLOT = SocketSettings.DEFAULT_MAX_DATAGRAM + 1;

  private static final int LONG_SLOT = DatagramPort.LONGEST + 1;

  private final EventLoop eventLoop;
  private final Sockets sockets;
  private final DatagramPorts ports;
  private final DeadlineQueue<Driven> deadlines = new DeadlineQueue<>();
  private final Set<Driven> members = Collections.newSetFromMap(new IdentityHashMap<>());
  private volatile int size;
  private final List<Outlet> unflushed = new ArrayList<>();
  private @Nullable Future<?> wakeUp;
  private long wakeUpAt = ProtocolMachine.NEVER;
  private final @Nullable Batching batching;
  private @Nullable BatchAllocator room;
  private @Nullable BatchAllocator longRoom;
  private final Runnable endOfRound = this::endRound;
  private boolean roundEnds;
  private int received;
  private int turns;
  private boolean shutDown;

  /** A driver that sends at the end of each turn. */
  public Driver(EventLoop eventLoop, Sockets sockets) {
    this(eventLoop, sockets, Duration.ZERO);
  }

  /**
   * A driver that collects datagrams, see {@link Batching}.
   *
   * @param nap the longest that one waits for others to come; zero for never
   */
  public Driver(EventLoop eventLoop, Sockets sockets, Duration nap) {
    this.eventLoop = eventLoop;
    this.sockets = sockets;
    batching = nap.isZero() ? null : new Batching(nap.toNanos());
    ports = sockets.ports(this);
  }

  public EventLoop eventLoop() {
    return eventLoop;
  }

  public Sockets sockets() {
    return sockets;
  }

  /** What opens the datagram ports of this event loop. */
  DatagramPorts ports() {
    return ports;
  }

  /**
   * A channel for one family, to be registered with this event loop.
   *
   * @param longest datagram in bytes; it may receive longer ones. All are good until the end of {@code channelRead}
   */
  public DatagramChannel datagramChannel(SocketProtocolFamily family, int longest) {
    if (longest < SLOT) {
      room = room == null ? new BatchAllocator(SLOT, BATCH) : room;
      return sockets.datagramChannel(family, room);
    }
    longRoom = longRoom == null ? new BatchAllocator(LONG_SLOT, LONG_BATCH) : longRoom;
    return sockets.datagramChannel(family, longRoom);
  }

  /** From any thread: nanoseconds since the origin. */
  public long now() {
    return System.nanoTime() - ORIGIN;
  }

  /** From any thread. */
  public boolean isHere() {
    return eventLoop.inEventLoop();
  }

  /** From any thread: runs a task here, at once when this is the event loop. False when the runtime is closed. */
  public boolean execute(Runnable task) {
    if (eventLoop.inEventLoop()) {
      task.run();
      return true;
    }
    return executeLater(task);
  }

  /** From any thread: runs a task here after what is waiting already. False when the runtime is closed. */
  public boolean executeLater(Runnable task) {
    try {
      eventLoop.execute(task);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Takes a machine into its care; one that comes too late is shut down at once. */
  public void add(Driven driven) {
    members.add(driven);
    size = members.size();
    if (shutDown) {
      driven.shutDown();
    }
  }

  public void remove(Driven driven) {
    members.remove(driven);
    size = members.size();
    deadlines.cancel(driven);
  }

  /** From any thread: the number of machines in its care. */
  public int size() {
    return size;
  }

  /** Notes when a machine wants to be called next. */
  public void arm(Driven driven) {
    long next = driven.machine().nextTimeout();
    if (next != driven.deadline()) {
      deadlines.schedule(driven, next);
    }
  }

  /** Datagrams that are written until the end of the turn leave together. Turns nest. */
  public void beginTurn() {
    turns++;
  }

  public void endTurn() {
    if (--turns > 0) {
      return;
    }
    if (batching == null) {
      flush();
    } else {
      endRoundLater();
    }
    long next = deadlines.nextDeadline();
    if (next < wakeUpAt) {
      wakeUpAt(next);
    } // a later one finds out when the task runs: cancelling costs more than a call for nothing
  }

  /** Counts a datagram that came in. */
  public void received() {
    received++;
  }

  /** Tasks run when all sockets that had something were seen to. */
  private void endRoundLater() {
    if (!roundEnds) {
      roundEnds = executeLater(endOfRound);
      if (!roundEnds) {
        flush();
      }
    }
  }

  private void endRound() {
    roundEnds = false;
    flush();
    int datagrams = received;
    received = 0;
    long now = now();
    long nap = Objects.requireNonNull(batching).afterRound(datagrams, now);
    if (nap == Batching.LOOK_AGAIN) {
      endRoundLater();
    } else if (nap > 0) {
      LockSupport.parkNanos(Math.min(nap, deadlines.nextDeadline() - now));
    }
  }

  private void flush() {
    for (int i = 0; i < unflushed.size(); i++) {
      unflushed.get(i).flush();
    }
    unflushed.clear();
  }

  /** Something was written that waits for the end of the turn; outside of a turn it leaves at once. */
  public void flushLater(Outlet outlet) {
    if (turns == 0) {
      outlet.flush();
    } else {
      unflushed.add(outlet);
    }
  }

  private void wakeUpAt(long at) {
    if (wakeUp != null) {
      wakeUp.cancel(false);
    }
    wakeUpAt = at;
    wakeUp =
        eventLoop.schedule(this::handleDeadlines, Math.max(0, at - now()), TimeUnit.NANOSECONDS);
  }

  private void handleDeadlines() {
    wakeUp = null;
    wakeUpAt = ProtocolMachine.NEVER;
    beginTurn();
    try {
      long now = now();
      // No more than are here now: one that is due again at once must not keep the event loop.
      for (int left = deadlines.size(); left > 0; left--) {
        Driven due = deadlines.poll(now);
        if (due == null) {
          break;
        }
        due.handleTimeout(now);
      }
    } finally {
      endTurn();
    }
  }

  /** Shuts every machine down, also those that come later. */
  public void shutDown() {
    shutDown = true;
    for (Driven driven : List.copyOf(members)) {
      driven.shutDown();
    }
  }
}
