package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import org.jspecify.annotations.Nullable;

/**
 * A connection of a client to its server: messages go in and out of it whole, whatever is below. Used on the event loop
 * of its driver only.
 */
public abstract sealed class ServerConnection permits StreamConnection {
  /** Who a connection works for. Nothing is told once the owner has closed the connection. */
  public interface Owner {
    /** The connection stands; told once, never before {@link #open} has returned. */
    void handleConnected(ServerConnection connection);

    /** There is no connection and will be none; told once, never before {@link #open} has returned. */
    void handleConnectFailed(String reason);

    /**
     * A message came in, in a turn that has begun already.
     *
     * @param message borrowed for the call
     */
    void handleDatagram(FiveTuple path, ByteBuffer message);

    /** The connection that stood broke, or the server closed it. */
    void handleClosed(ServerConnection connection, String reason);
  }

  /** Takes the bytes of a stream that carries messages no more (RFC 6062 4.3), in a turn that has begun already. */
  public interface ByteOwner {
    /**
     * The other side sent something.
     *
     * @param bytes borrowed for the call
     */
    void handleBytes(ByteBuffer bytes);

    /** More can be written again, after {@link ServerConnection#transmit} said no. */
    void handleWritable();
  }

  /**
   * Connects.
   *
   * @return what to {@link #close} when the connection is wanted no more, also while it is not there yet
   * @throws IllegalArgumentException when the transport is not supported
   */
  public static ServerConnection open(
      Driver driver, ServerAddress where, ConnectionSettings settings, Owner owner) {
    if (where.server().transport() != Transport.TCP) {
      throw new IllegalArgumentException("server " + where.server() + ": only TCP and TLS so far");
    }
    StreamConnection connection = new StreamConnection(driver, where, settings, owner);
    driver.executeLater(connection::begin);
    return connection;
  }

  /**
   * The path of the messages, of UDP for DTLS.
   *
   * @throws IllegalStateException before the connection stood
   */
  public abstract FiveTuple path();

  /**
   * Sends a message at the end of the turn. What is sent over a stream has to be padded. The parts are copied.
   *
   * @return false when it was dropped: the way out is full, or the connection does not stand. STUN requests, which are
   *     few and not sent again over a stream, are not dropped for want of room
   */
  public abstract boolean transmit(ByteBuffer header, ByteBuffer payload);

  /**
   * From the next byte on a stream is no longer cut into messages. Called within the owner's {@code handleDatagram}, not
   * even a byte that came together with the last message is lost.
   *
   * @throws IllegalStateException when this is no stream
   */
  public abstract void carryBytes(ByteOwner owner);

  /** Whether what comes in is read from the network; a stream that is not read makes its sender wait. */
  public abstract void read(boolean value);

  /** What the server showed of itself, believed or not; null when it showed nothing. */
  public abstract @Nullable X509Certificate certificate();

  /** Closes; what was written is sent first. Repeated calls do nothing. */
  public abstract void close();
}
