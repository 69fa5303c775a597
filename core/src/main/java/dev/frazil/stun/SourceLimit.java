package dev.frazil.stun;

import dev.frazil.net.IpAddress;
import java.util.random.RandomGenerator;

/**
 * How much each source may ask, in a table of fixed size: strangers can fill it, but not make it grow. Sources that meet
 * in a slot share one allowance; where they meet differs from server to server.
 */
public final class SourceLimit {
  private static final int SLOTS = 4096;
  private static final long SECOND = 1_000_000_000L;

  private final long interval;
  private final long seed;
  /** When the allowance of a slot is whole again (the generic cell rate algorithm). */
  private final long[] whole;

  /**
   * A limit.
   *
   * @param perSecond requests a second, and at once, of an IPv4 address or an IPv6 /64; 0 for no limit
   * @param random decides which sources share a slot
   */
  public SourceLimit(int perSecond, RandomGenerator random) {
    interval = perSecond == 0 ? 0 : SECOND / perSecond;
    whole = new long[perSecond == 0 ? 0 : SLOTS];
    seed = random.nextLong();
  }

  /** Whether the source may ask once more; counts it when it may. */
  public boolean admits(IpAddress source, long now) {
    if (whole.length == 0) {
      return true;
    }
    int slot = slot(source);
    long next = Math.max(whole[slot], now) + interval;
    if (next - now > SECOND) {
      return false;
    }
    whole[slot] = next;
    return true;
  }

  private int slot(IpAddress source) {
    long hash = ((source.isIpv4() ? source.low() : source.high()) ^ seed) * 0x9E3779B97F4A7C15L;
    hash = (hash ^ hash >>> 32) * 0xD6E8FEB86659FD93L;
    return (int) (hash >>> 52); // 12 bits: a slot of 4096
  }
}
