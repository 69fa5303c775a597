package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.Driver;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A TCP connection with a peer through a TURN server (RFC 6062): bytes in order, both ways. Nothing is read before
 * {@link #receive}; all methods may be called by any thread.
 */
public final class TurnStream implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(TurnStream.class.getName());
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** What may wait to be written. */
  private static final int MOST_WAITING = 1024 * 1024;

  private record Chunk(ByteBuffer bytes, CompletableFuture<Void> written) {}

  private final Driver driver;
  private final ServerConnection connection;
  private final TransportAddress peer;
  private final boolean incoming;
  private final Queue<Chunk> waiting = new ArrayDeque<>();
  private final AtomicInteger waitingBytes = new AtomicInteger();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private @Nullable Consumer<ByteBuffer> receiver;
  private ByteBuffer early = NOTHING;
  private @Nullable String ended;

  TurnStream(Driver driver, ServerConnection connection, TransportAddress peer, boolean incoming) {
    this.driver = driver;
    this.connection = connection;
    this.peer = peer;
    this.incoming = incoming;
  }

  /** Takes the connection over, within the call that brought the server's answer. */
  void begin() {
    connection.read(false);
    connection.carryBytes(new ServerConnection.ByteOwner() {
      @Override
      public void handleBytes(ByteBuffer bytes) {
        if (receiver == null) { // those that came with the server's answer
          ByteBuffer all = ByteBuffer.allocate(early.remaining() + bytes.remaining());
          early = all.put(early).put(bytes).flip();
        } else {
          deliver(receiver, bytes);
        }
      }

      @Override
      public void handleWritable() {
        write();
      }
    });
  }

  /** The peer's address. */
  public TransportAddress peer() {
    return peer;
  }

  /** Whether the peer opened it. */
  public boolean isIncoming() {
    return incoming;
  }

  /**
   * Takes what the peer sends, from its first byte on.
   *
   * @param handler gets bytes that are borrowed for the call, on the event loop, which it must not block
   */
  public void receive(Consumer<ByteBuffer> handler) {
    driver.execute(() -> {
      receiver = handler;
      if (early.hasRemaining()) {
        deliver(handler, early);
        early = NOTHING;
      }
      connection.read(true);
    });
  }

  /** Stops reading, so that the peer has to wait, or goes on. */
  public void reading(boolean value) {
    driver.execute(() -> connection.read(value));
  }

  private static void deliver(Consumer<ByteBuffer> handler, ByteBuffer bytes) {
    try {
      handler.accept(bytes);
    } catch (Throwable e) { // an Error, too: it is the application's own
      LOGGER.log(Level.ERROR, "the application's handler of bytes threw", e);
    }
  }

  /**
   * Sends bytes to the peer, after those that were given before. They are copied.
   *
   * @return done when they are on their way; fails with an {@link IOException} when the stream is closed, or more than a
   *     mebibyte waits
   */
  public CompletableFuture<Void> send(ByteBuffer bytes) {
    CompletableFuture<Void> written = new CompletableFuture<>();
    int length = bytes.remaining();
    if (waitingBytes.addAndGet(length) > MOST_WAITING) {
      waitingBytes.addAndGet(-length);
      written.completeExceptionally(new IOException("too much waits to be sent"));
      return written;
    }
    ByteBuffer copy = ByteBuffer.allocate(length).put(bytes.duplicate()).flip();
    boolean runs = driver.execute(() -> {
      waiting.add(new Chunk(copy, written));
      write();
    });
    if (!runs) {
      written.completeExceptionally(new IOException("the runtime is closed"));
    }
    return written;
  }

  private void write() {
    for (Chunk next = waiting.peek(); next != null; next = waiting.peek()) {
      if (ended != null) {
        next.written().completeExceptionally(new IOException(ended));
      } else if (connection.transmit(next.bytes(), NOTHING)) {
        next.written().complete(null);
      } else {
        return; // goes on when there is room
      }
      waitingBytes.addAndGet(-next.bytes().capacity());
      waiting.remove();
    }
  }

  /** Done when the stream is closed, by either side. */
  public CompletableFuture<Void> closed() {
    return closed.copy();
  }

  /** Ends the connection with the peer; what was sent before is sent first, as far as there is room. */
  @Override
  public void close() {
    driver.execute(() -> end("the stream was closed"));
  }

  /** On the event loop. */
  void end(String reason) {
    if (ended == null) {
      write();
      ended = reason;
      connection.close();
      write();
      closed.complete(null);
    }
  }
}
