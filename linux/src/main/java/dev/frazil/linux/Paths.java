package dev.frazil.linux;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The paths on which datagrams came to a port, so that a known sender costs no object. A path takes the place of another
 * one with the same remainder; the table doubles when that happens often, as long as the event loop has room.
 */
final class Paths {
  /** How many places the tables of an event loop may have in all. */
  static final class Room {
    private int left;

    Room(int places) {
      left = places;
    }
  }

  private static final int LONGEST_TABLE = 16_384;

  private final Room room;
  private final TransportAddress local;
  private final boolean ipv4;
  private @Nullable FiveTuple[] table = new FiveTuple[1];
  private int displaced;

  Paths(TransportAddress local, Room room) {
    this.local = local;
    this.room = room;
    ipv4 = local.ip().isIpv4();
  }

  /** The path of a sender as the kernel tells it. A scope is left out: it is that of the local address. */
  FiveTuple path(MemorySegment memory, long at) {
    int port = KernelAddresses.port(memory, at);
    long high = ipv4 ? 0 : KernelAddresses.high(memory, at);
    long low = KernelAddresses.low(memory, at, ipv4);
    int hash = hash(high, low, port);
    FiveTuple known = table[hash & table.length - 1];
    if (known != null && isFrom(known.remote(), high, low, port)) {
      return known;
    }
    IpAddress ip = ipv4 ? IpAddress.ofIpv4((int) low) : IpAddress.ofIpv6(high, low);
    FiveTuple path = new FiveTuple(local, TransportAddress.udp(ip, port));
    keep(path, hash, known != null);
    return path;
  }

  private static boolean isFrom(TransportAddress address, long high, long low, int port) {
    IpAddress ip = address.ip();
    return address.port() == port && ip.low() == low && ip.high() == high;
  }

  private static int hash(long high, long low, int port) {
    long mixed = (high * 31 + low ^ (long) port << 32) * 0x9E37_79B9_7F4A_7C15L;
    return (int) (mixed >>> 32);
  }

  private void keep(FiveTuple path, int hash, boolean displaces) {
    int length = table.length;
    if (displaces && ++displaced > length && length < LONGEST_TABLE && room.left >= length) {
      room.left -= length;
      displaced = 0;
      grow();
    }
    table[hash & table.length - 1] = path;
  }

  private void grow() {
    @Nullable FiveTuple[] old = table;
    table = new FiveTuple[2 * old.length];
    for (FiveTuple each : old) {
      if (each != null) {
        IpAddress ip = each.remote().ip();
        table[hash(ip.high(), ip.low(), each.remote().port()) & table.length - 1] = each;
      }
    }
  }

  /** Gives back what the table took. */
  void close() {
    room.left += table.length - 1;
    table = new FiveTuple[1];
  }
}
