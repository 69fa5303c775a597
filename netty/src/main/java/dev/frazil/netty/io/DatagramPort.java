package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.Future;
import java.nio.ByteBuffer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A UDP socket bound to one address of the host: a small door to the kernel. Used on its event loop only. */
public interface DatagramPort extends Outlet {
  /** What UDP over IPv4 carries. Netty's io_uring does not recover from the error that a longer one brings. */
  int LONGEST = 65_507;

  ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

  /** Who a port works for. */
  interface Owner {
    /** The port is bound. */
    void handleBound(DatagramPort port);

    /** No port could be bound. */
    void handleBindFailed(String reason);

    /**
     * A datagram came in, in a turn that has begun already.
     *
     * @param datagram borrowed for the call
     */
    void handleDatagram(FiveTuple path, ByteBuffer datagram);

    /** A datagram came in that was longer than the longest. */
    void handleTooLong(FiveTuple path);

    /** The port broke: its owner did not close it. */
    void handleBroken(DatagramPort port, String reason);
  }

  /**
   * Binds to an address, on a port of the range. The search starts anywhere in it, so that agents that share a range
   * seldom meet. The owner hears of the outcome, perhaps before this method returns.
   */
  static void bind(
      Driver driver, IpAddress ip, SocketSettings settings, RandomGenerator random, Owner owner) {
    driver.ports().bind(ip, settings, random, owner);
  }

  /**
   * Binds to one address before it returns, on the driver's event loop: nothing is done there that would have to be waited
   * for. The owner hears of datagrams and of a port that breaks only.
   *
   * @param address with a port other than 0
   * @return null when the address is taken or not there
   */
  static @Nullable DatagramPort bindNow(
      Driver driver, TransportAddress address, SocketSettings settings, Owner owner) {
    return driver.ports().bindNow(address, settings, owner);
  }

  /** The address that is bound. */
  TransportAddress local();

  /**
   * Lets other sockets of this user be bound to the same from now on (SO_REUSEPORT), as the shards of a server do; they
   * have to share the port in their turn.
   */
  void sharePort();

  /** SO_SNDBUF in bytes, as the system took it. */
  int sendBuffer();

  /**
   * Sends a datagram at the end of the turn. The parts are copied once, into a buffer that the kernel can read, which
   * costs less than objects that would wrap them and gives them back to the caller at once.
   *
   * @return false when the datagram was dropped: the way out is full, or it is longer than UDP over IPv4 carries
   */
  boolean transmit(TransportAddress remote, ByteBuffer header, ByteBuffer payload);

  /** Sends a datagram that the port takes over; released in any case. */
  boolean transmit(TransportAddress remote, ByteBuf datagram);

  /**
   * Sends a datagram at once and with IPv4's DF bit: where it is too long for the way to the peer, it is lost.
   *
   * @return false when the datagram was dropped; always where {@link Sockets#setsDontFragment} says that it can't be done
   */
  default boolean transmitUnfragmented(TransportAddress remote, ByteBuffer payload) {
    return false;
  }

  /** Closes the socket; what was written is sent first. */
  void close();

  /** Done when the socket is closed. */
  Future<Void> closed();
}
