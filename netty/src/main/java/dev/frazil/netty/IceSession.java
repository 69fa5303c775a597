package dev.frazil.netty;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import dev.frazil.ice.IceStatistics;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.net.FiveTuple;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * An ICE session (RFC 8445): the streams that two hosts exchange, over the best path that there is between them.
 *
 * <p>Every method may be called from any thread, also from the session's own handlers, and none blocks but {@link
 * #receive}. Handlers and the stages of futures run on the session's event loop and must not block.
 */
public final class IceSession implements AutoCloseable {
  /** Starts the settings of a session. */
  public static IceSessionBuilder builder(IceRuntime runtime) {
    return new IceSessionBuilder(runtime);
  }

  /** Begins gathering. Once only. */
  public void start() {
    throw new UnsupportedOperationException();
  }

  /**
   * What to tell the peer about a stream beside its candidates. Known from the beginning; changed by a restart, with
   * the event {@link dev.frazil.ice.IceEvent.Restarted}.
   */
  public IceParameters localParameters(int stream) {
    throw new UnsupportedOperationException();
  }

  /**
   * Takes what the peer told about a stream. Changed ufrag and password mean that the peer restarted.
   *
   * @throws IllegalArgumentException when only one of ufrag and password changed
   */
  public void setRemote(int stream, IceParameters remote) {
    throw new UnsupportedOperationException();
  }

  /**
   * Takes a candidate of the peer. May come before {@link #setRemote}.
   *
   * @param ufrag the peer's ufrag that the candidate belongs to; null for the current generation
   */
  public void addRemoteCandidate(int stream, @Nullable String ufrag, Candidate candidate) {
    throw new UnsupportedOperationException();
  }

  /** The peer has no more candidates for a stream in this generation. */
  public void endOfRemoteCandidates(int stream, @Nullable String ufrag) {
    throw new UnsupportedOperationException();
  }

  /** Begins a new generation of one stream (RFC 8445 9). Data goes on over the old path until a new one is selected. */
  public void restart(int stream) {
    throw new UnsupportedOperationException();
  }

  /** Completed when the first generation's gathering is over, with every local candidate that is told to the peer. */
  public CompletableFuture<List<Candidate>> gathered() {
    throw new UnsupportedOperationException();
  }

  /** Completed when data can first be sent on every component; fails with an {@link IceException}. */
  public CompletableFuture<Void> connected() {
    throw new UnsupportedOperationException();
  }

  /** Completed when nomination is first over on every component; fails with an {@link IceException}. */
  public CompletableFuture<Void> completed() {
    throw new UnsupportedOperationException();
  }

  /** Completed when the session is closed and all is freed; never fails. */
  public CompletableFuture<Void> closed() {
    throw new UnsupportedOperationException();
  }

  /** {@link #send(int, int, ByteBuffer)} on component 1 of stream 0. */
  public SendResult send(ByteBuffer payload) {
    return send(0, 1, payload);
  }

  /**
   * Sends a datagram on the best path. Never blocks.
   *
   * @param payload from position to limit, at most 65,507 bytes; not changed, and the caller's again after the call
   */
  public SendResult send(int stream, int component, ByteBuffer payload) {
    throw new UnsupportedOperationException();
  }

  /** {@link #receive(int, int, ByteBuffer, Duration)} from component 1 of stream 0. */
  public int receive(ByteBuffer into, Duration timeout) throws IceException, InterruptedException {
    return receive(0, 1, into, timeout);
  }

  /**
   * Waits for a datagram; for sessions without a {@link DataHandler}. What doesn't fit into the buffer is lost, as with
   * any datagram socket.
   *
   * @return the number of bytes put into the buffer, or -1 when none came in time
   * @throws IceException when the session is closed
   * @throws IllegalStateException when the session has a handler for its data
   */
  public int receive(int stream, int component, ByteBuffer into, Duration timeout)
      throws IceException, InterruptedException {
    throw new UnsupportedOperationException();
  }

  /** The session's state. */
  public IceState state() {
    throw new UnsupportedOperationException();
  }

  /** The role that the agent has now; a role conflict may change it. */
  public Role role() {
    throw new UnsupportedOperationException();
  }

  /** The path that a component's data takes, as this host sees it; null when there is none. */
  public @Nullable FiveTuple path(int stream, int component) {
    throw new UnsupportedOperationException();
  }

  /** A snapshot of the statistics; also after the end of the session, until the runtime is closed. */
  public CompletableFuture<IceStatistics> statistics() {
    throw new UnsupportedOperationException();
  }

  /** Ends the session and frees all that it holds. Does not wait: see {@link #closed}. Repeated calls do nothing. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
