package dev.frazil.netty;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import dev.frazil.ice.IceStatistics;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driven;
import dev.frazil.netty.io.Driver;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * An ICE session (RFC 8445): the streams that two hosts exchange, over the best path that there is between them.
 *
 * <p>Every method may be called from any thread, also from the session's own handlers, and none blocks but {@link
 * #receive}. Handlers and the stages of futures run on the session's event loop and must not block.
 */
public final class IceSession implements AutoCloseable {
  private final IceRuntime runtime;
  private final Published published;
  private final DrivenAgent agent;
  private final Driver driver;
  private final SendQueue sendQueue;
  private final Inbox @Nullable [] inboxes;
  private final AtomicBoolean started = new AtomicBoolean();

  IceSession(
      IceRuntime runtime, Role role, IceConfiguration configuration, SessionSettings settings) {
    this.runtime = runtime;
    published = new Published(settings.streams(), settings.components(), role);
    inboxes = settings.data() == null ? inboxes(settings) : null;
    agent = new DrivenAgent(runtime, configuration, settings, published, inboxes);
    driver = agent.driver();
    sendQueue = new SendQueue(driver, agent::send);
    if (!driver.execute(agent::attach)) { // from now on the runtime's end is the session's
      throw new IllegalStateException("the runtime is closed");
    }
  }

  private static Inbox[] inboxes(SessionSettings settings) {
    Inbox[] inboxes = new Inbox[settings.streams() * settings.components()];
    Arrays.setAll(inboxes, i -> new Inbox());
    return inboxes;
  }

  /** Starts the settings of a session. */
  public static IceSessionBuilder builder(IceRuntime runtime) {
    return new IceSessionBuilder(runtime);
  }

  /**
   * Begins gathering.
   *
   * @throws IllegalStateException when it was called before
   */
  public void start() {
    if (!started.compareAndSet(false, true)) {
      throw new IllegalStateException("the session was started before");
    }
    driver.execute(agent::start);
  }

  /**
   * What to tell the peer about a stream beside its candidates. Known from the beginning; changed by a restart, with
   * the event {@link dev.frazil.ice.IceEvent.Restarted}.
   */
  public IceParameters localParameters(int stream) {
    published.checkStream(stream);
    return published.local.get(stream);
  }

  /**
   * Takes what the peer told about a stream. Changed ufrag and password mean that the peer restarted.
   *
   * @throws IllegalArgumentException when only one of ufrag and password changed (RFC 8839 4.4.1.1.1), or neither did
   *     and the peer changed between lite and full (RFC 8445 9)
   */
  public void setRemote(int stream, IceParameters remote) {
    published.checkStream(stream);
    IceParameters before = published.remote.get(stream);
    if (before != null) {
      checkChange(stream, before, remote);
    }
    published.remote.set(stream, remote);
    command(now -> agent.agent().setRemote(stream, remote, now));
  }

  private static void checkChange(int stream, IceParameters before, IceParameters remote) {
    boolean sameUfrag = before.ufrag().equals(remote.ufrag());
    String where = "remote parameters of stream " + stream + ", ufrag \"" + remote.ufrag() + "\": ";
    if (sameUfrag != before.password().equals(remote.password())) {
      throw new IllegalArgumentException(where + "ufrag and password must change together");
    }
    if (sameUfrag && before.lite() != remote.lite()) {
      throw new IllegalArgumentException(
          where + "lite " + remote.lite() + " must come with a changed ufrag and password");
    }
  }

  /**
   * Takes a candidate of the peer. May come before {@link #setRemote}.
   *
   * @param ufrag the peer's ufrag that the candidate belongs to; null for the current generation
   */
  public void addRemoteCandidate(int stream, @Nullable String ufrag, Candidate candidate) {
    published.checkStream(stream);
    command(now -> agent.agent().addRemoteCandidate(stream, ufrag, candidate, now));
  }

  /** The peer has no more candidates for a stream in this generation. */
  public void endOfRemoteCandidates(int stream, @Nullable String ufrag) {
    published.checkStream(stream);
    command(now -> agent.agent().endOfRemoteCandidates(stream, ufrag, now));
  }

  /** Begins a new generation of one stream (RFC 8445 9). Data goes on over the old path until a new one is selected. */
  public void restart(int stream) {
    published.checkStream(stream);
    command(now -> agent.agent().restart(stream, now));
  }

  /**
   * Nominates another pair of a stream, where both sides have {@link IceSessionBuilder#renomination} on. Does nothing
   * while this agent is controlled, or for a pair that is not valid.
   *
   * @param pair its {@link IceStatistics.PairStatistics#id}
   * @return fails with an {@link IllegalStateException} when renomination was not agreed (RFC 8445 8.1.1)
   */
  public CompletableFuture<Void> nominate(int stream, long pair) {
    published.checkStream(stream);
    CompletableFuture<Void> nominated = new CompletableFuture<>();
    ask(nominated, () -> {
      RuntimeException refusal = agent.attempt(now -> agent.agent().nominate(stream, pair, now));
      if (refusal == null) {
        nominated.complete(null);
      } else {
        nominated.completeExceptionally(refusal);
      }
    });
    return nominated;
  }

  /**
   * Tells the peer to stop sending on a stream, until the stream restarts (RFC 7675 5.2). Whether this session may send
   * is not touched.
   */
  public void revokeConsent(int stream) {
    published.checkStream(stream);
    command(now -> agent.agent().revokeConsent(stream, now));
  }

  /**
   * Takes which pair the peer uses for a component: the answer to {@link dev.frazil.ice.IceEvent.SelectionToTell}
   * between two lite agents (RFC 8445 8.2). Of other peers it has no effect.
   *
   * @param local this session's candidate's address
   * @param remote the peer's candidate's address
   */
  public void addRemoteSelection(
      int stream, int component, TransportAddress local, TransportAddress remote) {
    published.index(stream, component);
    command(now -> agent.agent().addRemoteSelection(stream, component, local, remote, now));
  }

  private void command(Driven.Call call) {
    driver.execute(() -> agent.command(call));
  }

  /** Completed when the first generation's gathering is over, with every local candidate that is told to the peer. */
  public CompletableFuture<List<Candidate>> gathered() {
    return published.gathered.copy();
  }

  /** Completed when data can first be sent on every component; fails with an {@link IceException}. */
  public CompletableFuture<Void> connected() {
    return published.connected.copy();
  }

  /** Completed when nomination is first over on every component; fails with an {@link IceException}. */
  public CompletableFuture<Void> completed() {
    return published.completed.copy();
  }

  /** Completed when the session is closed and all is freed; never fails. */
  public CompletableFuture<Void> closed() {
    return published.closed.copy();
  }

  /** {@link #send(int, int, ByteBuffer)} on component 1 of stream 0. */
  public SendResult send(ByteBuffer payload) {
    return send(0, 1, payload);
  }

  /**
   * Sends a datagram on the best path. Never blocks. On the event loop, as in a handler, it is the kernel's when this
   * returns or the handler does; from other threads it takes its turn in a queue of 256 KiB.
   *
   * @param payload from position to limit, at most 65,507 bytes; not changed, and the caller's again after the call
   */
  public SendResult send(int stream, int component, ByteBuffer payload) {
    if (payload.remaining() > DatagramPort.LONGEST) {
      throw new IllegalArgumentException(
          "payload of " + payload.remaining() + " bytes: must be at most " + DatagramPort.LONGEST);
    }
    if (driver.isHere()) {
      published.index(stream, component);
      return agent.send(stream, component, payload);
    }
    if (published.path(stream, component) == null) {
      return SendResult.NO_PATH;
    }
    SendResult result = sendQueue.send(stream, component, payload);
    if (result == SendResult.DROPPED) {
      published.unsent.increment();
    }
    return result;
  }

  /** {@link #receive(int, int, ByteBuffer, Duration)} from component 1 of stream 0. */
  public int receive(ByteBuffer into, Duration timeout) throws IceException, InterruptedException {
    return receive(0, 1, into, timeout);
  }

  /**
   * Waits for a datagram; for sessions without a {@link DataHandler}. What doesn't fit into the buffer is lost, as with
   * any datagram socket; so is what comes in while 256 KiB wait.
   *
   * @return the number of bytes put into the buffer, or -1 when none came in time
   * @throws IceException when the session is closed and nothing is left
   * @throws IllegalStateException when the session has a handler for its data, or on an event loop of the
   *     runtime
   */
  public int receive(int stream, int component, ByteBuffer into, Duration timeout)
      throws IceException, InterruptedException {
    int index = published.index(stream, component);
    if (inboxes == null) {
      throw new IllegalStateException("the session has a handler for its data");
    }
    if (runtime.isHere()) {
      throw new IllegalStateException("receive would block an event loop of the runtime");
    }
    return inboxes[index].receive(into, timeout);
  }

  /** The session's state. */
  public IceState state() {
    return published.state;
  }

  /** The role that the agent has now; a role conflict may change it. */
  public Role role() {
    return published.role;
  }

  /** The path that a component's data takes, as this host sees it; null when there is none. */
  public @Nullable FiveTuple path(int stream, int component) {
    return published.path(stream, component);
  }

  /** A snapshot of the statistics; also after the end of the session, until the runtime is closed. */
  public CompletableFuture<IceStatistics> statistics() {
    CompletableFuture<IceStatistics> statistics = new CompletableFuture<>();
    ask(statistics, () -> statistics.complete(agent.agent().statistics()));
    return statistics;
  }

  /** The datagrams that were dropped so far around the agent. */
  public DroppedDatagrams dropped() {
    return published.dropped();
  }

  private void ask(CompletableFuture<?> answer, Runnable question) {
    boolean asked = driver.execute(() -> {
      try {
        question.run();
      } catch (RuntimeException e) {
        answer.completeExceptionally(e);
      }
    });
    if (!asked) {
      answer.completeExceptionally(new IceException("the runtime is closed"));
    }
  }

  /**
   * Ends the session and frees all that it holds; with allocations on TURN servers that takes up to a second. Does not
   * wait: see {@link #closed}. Repeated calls do nothing.
   */
  @Override
  public void close() {
    driver.execute(agent::close);
  }

  @Override
  public String toString() {
    return "IceSession[" + role() + ", " + state() + "]";
  }
}
