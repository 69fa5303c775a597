package dev.frazil.netty;

import dev.frazil.turn.TurnQuotas;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The quotas of several machines on several threads: none is exceeded, whichever machine is asked. */
final class SharedQuotas implements TurnQuotas {
  private final class Owner implements Share {
    private final String name;
    private final Rate rate = new Rate();
    private int allocations; // changed within ConcurrentHashMap.compute only

    Owner(String name) {
      this.name = name;
    }

    @Override
    public boolean admits(int bytes, long now) {
      return rate.admits(bytes, limits.bytesPerSecondPerUser(), now)
          && total.admits(bytes, limits.bytesPerSecond(), now);
    }

    @Override
    public void release() {
      owners.computeIfPresent(name, (key, owner) -> --owner.allocations == 0 ? null : owner);
      taken.decrementAndGet();
    }
  }

  /** Bytes a second, and a second's worth at once (the generic cell rate algorithm). */
  private static final class Rate {
    private static final long SECOND = 1_000_000_000L;

    private final AtomicLong whole = new AtomicLong();

    boolean admits(int bytes, long perSecond, long now) {
      if (perSecond == 0) {
        return true;
      }
      long before;
      long next;
      do {
        before = whole.get();
        next = Math.max(before, now) + bytes * SECOND / perSecond;
        if (next - now > SECOND) {
          return false;
        }
      } while (!whole.compareAndSet(before, next));
      return true;
    }
  }

  private final Map<String, Owner> owners = new ConcurrentHashMap<>();
  private final Rate total = new Rate();
  private final AtomicInteger taken = new AtomicInteger();
  private volatile Limits limits = new Limits(0, 0, 0, 0);

  /** Other limits from now on; what is taken stays so. */
  void setLimits(Limits value) {
    limits = value;
  }

  /** How many owners have something now. */
  int ownerCount() {
    return owners.size();
  }

  @Override
  public boolean isFull() {
    return taken.get() >= limits.allocations();
  }

  @Override
  public @Nullable Share take(String name) {
    if (taken.incrementAndGet() > limits.allocations()) { // another machine was faster
      taken.decrementAndGet();
      return null;
    }
    boolean[] granted = new boolean[1];
    Owner owner = owners.compute(name, (key, present) -> {
      int count = present == null ? 0 : present.allocations;
      granted[0] = count < limits.allocationsPerUser();
      Owner found = present == null && granted[0] ? new Owner(name) : present;
      if (found != null && granted[0]) {
        found.allocations++;
      }
      return found;
    });
    if (!granted[0]) {
      taken.decrementAndGet();
      return null;
    }
    return owner;
  }
}
