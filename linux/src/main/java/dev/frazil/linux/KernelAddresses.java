package dev.frazil.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Addresses as the kernel has them: sockaddr_in and sockaddr_in6. */
final class KernelAddresses {
  /** Room for either. */
  static final int ROOM = 32;

  private static final int LENGTH4 = 16;
  private static final int LENGTH6 = 28;
  private static final int PORT = 2;
  private static final int IP4 = 4;
  private static final int IP6 = 8;
  private static final int SCOPE = 24;

  private static final ValueLayout.OfShort SHORT =
      JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private KernelAddresses() {}

  /**
   * Writes an address.
   *
   * @param scope that of link-local addresses which tell none
   * @return how long it is
   */
  static int put(MemorySegment memory, long at, TransportAddress address, int scope) {
    IpAddress ip = address.ip();
    memory.set(SHORT, at + PORT, (short) address.port());
    if (ip.isIpv4()) {
      memory.set(JAVA_SHORT_UNALIGNED, at, (short) SystemCalls.AF_INET);
      memory.set(INT, at + IP4, (int) ip.low());
      memory.set(LONG, at + IP4 + 4, 0);
      return LENGTH4;
    }
    boolean onLink = scope != 0 && ip.scopeId() == 0 && ip.isLinkLocal();
    memory.set(JAVA_SHORT_UNALIGNED, at, (short) SystemCalls.AF_INET6);
    memory.set(INT, at + 4, 0); // the flow
    memory.set(LONG, at + IP6, ip.high());
    memory.set(LONG, at + IP6 + 8, ip.low());
    memory.set(JAVA_INT_UNALIGNED, at + SCOPE, onLink ? scope : ip.scopeId());
    return LENGTH6;
  }

  static int port(MemorySegment memory, long at) {
    return memory.get(SHORT, at + PORT) & 0xFFFF;
  }

  /** The upper 64 bits of an IPv6 address. */
  static long high(MemorySegment memory, long at) {
    return memory.get(LONG, at + IP6);
  }

  /** The lower 64 bits of an IPv6 address, or all of an IPv4 address. */
  static long low(MemorySegment memory, long at, boolean ipv4) {
    return ipv4 ? memory.get(INT, at + IP4) & 0xFFFF_FFFFL : memory.get(LONG, at + IP6 + 8);
  }
}
