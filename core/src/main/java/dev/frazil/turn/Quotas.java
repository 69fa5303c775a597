package dev.frazil.turn;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The quotas of one machine; an owner is remembered as long as it has allocations. */
final class Quotas implements TurnQuotas {
  private final class Owner implements Share {
    private final String name;
    private final Rate rate = new Rate();
    private int allocations;

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
      taken--;
      if (--allocations == 0) {
        owners.remove(name);
      }
    }
  }

  /** Bytes a second, and a second's worth at once (the generic cell rate algorithm). */
  private static final class Rate {
    private static final long SECOND = 1_000_000_000L;

    private long whole;

    boolean admits(int bytes, long perSecond, long now) {
      if (perSecond == 0) {
        return true;
      }
      long next = Math.max(whole, now) + bytes * SECOND / perSecond;
      if (next - now > SECOND) {
        return false;
      }
      whole = next;
      return true;
    }
  }

  private final Map<String, Owner> owners = new HashMap<>();
  private final Rate total = new Rate();
  private Limits limits;
  private int taken;

  Quotas(Limits limits) {
    this.limits = limits;
  }

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
    return taken >= limits.allocations();
  }

  @Override
  public @Nullable Share take(String name) {
    Owner owner = owners.get(name);
    if ((owner == null ? 0 : owner.allocations) >= limits.allocationsPerUser()) {
      return null;
    }
    if (owner == null) {
      owner = new Owner(name);
      owners.put(name, owner);
    }
    owner.allocations++;
    taken++;
    return owner;
  }
}
