package dev.frazil.netty.client;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.SocketAddresses;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A connection of a client to its server: messages go in and out of it whole, whatever is below. Used on the event loop
 * of its driver only.
 */
public abstract sealed class ServerConnection permits DatagramConnection, StreamConnection {
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

    /** An ICMP error came back on a connection of plain UDP, which stands on; anybody can forge one. */
    default void handleUnreachable(ServerConnection connection, String reason) {}
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

  private enum State {
    NEW,
    CONNECTING,
    CONNECTED,
    CLOSED
  }

  final Driver driver;
  final ServerAddress where;
  final ConnectionSettings settings;
  final Owner owner;
  private State state = State.NEW;
  private @Nullable FiveTuple path;
  private volatile @Nullable X509Certificate certificate;
  private @Nullable Future<?> limit;

  ServerConnection(Driver driver, ServerAddress where, ConnectionSettings settings, Owner owner) {
    this.driver = driver;
    this.where = where;
    this.settings = settings;
    this.owner = owner;
  }

  /**
   * Connects: by TCP, or TLS where the address is secure; by UDP, or DTLS (RFC 7350). A connection of plain UDP stands at
   * once.
   *
   * @return what to {@link #close} when the connection is wanted no more, also while it is not there yet
   */
  public static ServerConnection open(
      Driver driver, ServerAddress where, ConnectionSettings settings, Owner owner) {
    ServerConnection connection = where.server().transport() == Transport.TCP
        ? new StreamConnection(driver, where, settings, owner)
        : new DatagramConnection(driver, where, settings, owner);
    driver.executeLater(connection::begin);
    return connection;
  }

  private void begin() {
    if (state == State.NEW) {
      state = State.CONNECTING;
      connect();
    }
  }

  abstract void connect();

  /** Closes what is below. */
  abstract void discard();

  /** Closes a channel behind what was written to it. */
  static void discard(Channel channel) {
    if (channel.isRegistered()) {
      channel.flush();
      channel.close();
    } else {
      channel.unsafe().closeForcibly();
    }
  }

  final boolean isConnecting() {
    return state == State.CONNECTING;
  }

  final boolean isConnected() {
    return state == State.CONNECTED;
  }

  /** Gives up unless the next step is done within this time. */
  final void within(Duration wait, String otherwise) {
    stopWaiting();
    String seconds = String.valueOf(wait.toMillis() / 1e3).replaceAll("\\.0$", "");
    String reason = otherwise + " in " + seconds + " s";
    limit = driver.eventLoop().schedule(() -> fail(reason), wait.toNanos(), TimeUnit.NANOSECONDS);
  }

  private void stopWaiting() {
    if (limit != null) {
      limit.cancel(false);
      limit = null;
    }
  }

  final void connected(InetSocketAddress localAddress) {
    stopWaiting();
    TransportAddress local = SocketAddresses.toTransport(
        localAddress, where.scopeId(), where.server().transport());
    path = new FiveTuple(local, where.server());
    state = State.CONNECTED;
    owner.handleConnected(this);
  }

  /** Ends a connection that the owner has not closed. */
  final void fail(String reason) {
    State former = state;
    if (former == State.CLOSED) {
      return;
    }
    close();
    if (former == State.CONNECTED) {
      owner.handleClosed(this, reason);
    } else {
      owner.handleConnectFailed(reason);
    }
  }

  /** Notes what the server shows, from any thread. */
  final void seen(X509Certificate shown) {
    certificate = shown;
  }

  /**
   * The path of the messages, of UDP for DTLS.
   *
   * @throws IllegalStateException before the connection stood
   */
  public final FiveTuple path() {
    if (path == null) {
      throw new IllegalStateException("not connected");
    }
    return path;
  }

  /** What the server showed of itself, believed or not; null when it showed nothing. */
  public final @Nullable X509Certificate certificate() {
    return certificate;
  }

  /**
   * Sends a message at the end of the turn. What is sent over a stream has to be padded. The parts are copied.
   *
   * @return false when it was dropped: the way out is full, or the connection does not stand. STUN requests, which are
   *     few and not sent again over a stream, are not dropped for want of room there
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

  /** Closes; what was written is sent first. Repeated calls do nothing. */
  public final void close() {
    if (state != State.CLOSED) {
      state = State.CLOSED;
      stopWaiting();
      discard();
    }
  }

  /** Copies a part of a message that is borrowed. */
  static void append(ByteBuf message, ByteBuffer part) {
    int position = part.position();
    message.writeBytes(part);
    part.position(position);
  }
}
