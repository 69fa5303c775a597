package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The TCP side of relayed addresses (RFC 6062): each listens, and connections leave from it. Nothing is read from a
 * peer's stream before it is joined to a client's. Used on its event loop only.
 */
public final class PeerStreams implements StreamListener.Owner, StreamPort.Owner {
  private static final System.Logger LOGGER = System.getLogger(PeerStreams.class.getName());

  /** RFC 6062 5.2: a connection attempt gets 30 s at least. */
  private static final int CONNECT_MILLIS = 30_000;

  /** Whose peers these are. It hears of nothing within a call of its own. */
  public interface Owner {
    /** A peer connected to a relayed address. */
    void handleAccepted(FiveTuple path);

    /** The answer to {@link PeerStreams#connect}. */
    void handleConnected(FiveTuple path);

    /** The answer to {@link PeerStreams#connect}. */
    void handleConnectFailed(FiveTuple path);

    /** A stream is gone. */
    void handleClosed(FiveTuple path);
  }

  private final Driver driver;
  private final Owner owner;
  private final Map<TransportAddress, StreamListener> listeners = new HashMap<>();
  private final Map<FiveTuple, StreamPort> streams = new HashMap<>();

  public PeerStreams(Driver driver, Owner owner) {
    this.driver = driver;
    this.owner = owner;
  }

  /** Listens on a relayed address; false when it is taken or not there. */
  public boolean listen(TransportAddress relayed) {
    try {
      StreamListener listener = StreamListener.bind(driver, relayed, false, this);
      listener.sharePort(); // only now: before, two servers of one user could have the same port
      listeners.put(relayed, listener);
      return true;
    } catch (IOException e) {
      LOGGER.log(
          Level.DEBUG,
          () -> "no listener for relayed port " + relayed.port() + ": " + e.getMessage());
      return false;
    }
  }

  /** No longer listens; streams stay. */
  public void unlisten(TransportAddress relayed) {
    StreamListener listener = listeners.remove(relayed);
    if (listener != null) {
      listener.close();
    }
  }

  /** Opens a stream from a relayed address to a peer. */
  public void connect(FiveTuple path) {
    SocketChannel channel;
    try {
      channel = driver.sockets().streamChannel();
    } catch (RuntimeException e) { // no file descriptor left
      failLater(path);
      return;
    }
    channel.config().setOption(ChannelOption.SO_REUSEADDR, true);
    channel.config().setOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS);
    driver.sockets().sharePort(channel);
    StreamPort stream = new StreamPort(driver, channel, path);
    streams.put(path, stream);
    stream.hold(this);
    channel
        .connect(
            SocketAddresses.toSocketAddress(path.remote(), 0),
            SocketAddresses.toSocketAddress(path.local(), 0))
        .addListener((ChannelFuture connected) -> {
          if (connected.isSuccess()) {
            driver.executeLater(() -> connected(path, stream));
          } else if (streams.remove(path, stream)) {
            LOGGER.log(Level.DEBUG, () -> "no stream to a peer: " + connected.cause());
            stream.close();
            failLater(path);
          }
        });
  }

  private void connected(FiveTuple path, StreamPort stream) {
    if (streams.get(path) == stream) {
      owner.handleConnected(path);
    }
  }

  private void failLater(FiveTuple path) {
    driver.executeLater(() -> owner.handleConnectFailed(path));
  }

  /** The stream of a path; null when there is none. */
  public @Nullable StreamPort stream(FiveTuple path) {
    return streams.get(path);
  }

  /** Closes a stream; does nothing when there is none. */
  public void close(FiveTuple path) {
    StreamPort stream = streams.remove(path);
    if (stream != null) {
      stream.close();
    }
  }

  /** Closes all. */
  public void close() {
    List.copyOf(listeners.keySet()).forEach(this::unlisten);
    List.copyOf(streams.keySet()).forEach(this::close);
  }

  @Override
  public void handleAccepted(StreamPort stream) {
    if (streams.putIfAbsent(stream.path(), stream) != null) {
      stream.refuse();
      return;
    }
    stream.hold(this);
    owner.handleAccepted(stream.path());
  }

  @Override
  public void handleBroken(StreamListener listener, String reason) {
    if (listeners.remove(listener.local(), listener)) {
      LOGGER.log(Level.WARNING, () -> "relayed port " + listener.local().port() + ": " + reason);
    }
  }

  @Override
  public void handleMessage(StreamPort stream, ByteBuffer message) {
    throw new IllegalStateException("a peer's stream is not cut into messages");
  }

  @Override
  public void handleClosed(StreamPort stream, StreamPort.End reason) {
    if (streams.remove(stream.path(), stream)) {
      owner.handleClosed(stream.path());
    }
  }
}
