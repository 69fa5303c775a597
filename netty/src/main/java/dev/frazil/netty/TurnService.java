package dev.frazil.netty;

import dev.frazil.netty.io.ServerTls;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A TURN server (RFC 8656) over UDP, TCP, TLS and DTLS, which answers Binding requests, too, and connects with peers by TCP
 * (RFC 6062) where the configuration says so. It has one event loop; DONT-FRAGMENT is not available.
 *
 * <pre>{@code
 * TurnServiceSettings settings = TurnServiceSettings.builder(server -> server
 *         .realm("example.org", accounts)
 *         .relay(TurnServerConfiguration.Relay.of(ip)))
 *     .listen(TurnListener.Kind.UDP, "0.0.0.0", 3478)
 *     .listen(TurnListener.Kind.TCP, "0.0.0.0", 3478)
 *     .build();
 * TurnService.start(runtime, settings, event -> {});
 * }</pre>
 */
public final class TurnService implements AutoCloseable {
  /** Why a client's stream ended, or was not taken. */
  public enum StreamEnd {
    /** The client closed it. */
    CLOSED,
    /** The network or the system broke it. */
    FAILED,
    /** There are as many as there may be: see {@link TurnServiceSettings.Builder#streams}. */
    TOO_MANY,
    /** As many of its source as may be have no allocation. */
    TOO_MANY_OF_SOURCE,
    /** It had neither an allocation nor a connection with a peer for too long. */
    UNUSED,
    /** TLS did not come about. */
    HANDSHAKE_FAILED,
    /** What came in is neither STUN nor ChannelData. */
    BAD_FRAMING,
    /** The client sent requests and did not read the answers. */
    NOT_READING
  }

  /**
   * What the service has and did so far.
   *
   * @param server as the machine tells it
   * @param tooLong datagrams that came in with more than 2,048 bytes
   * @param unsent what was to be sent while the way out was full, or to a stream that is gone
   * @param streams of clients there are now
   * @param endedStreams how many ended, or were not taken, by reason
   */
  public record Statistics(
      TurnServer.Statistics server,
      long tooLong,
      long unsent,
      int streams,
      Map<StreamEnd, Long> endedStreams) {}

  private final IceRuntime runtime;
  private final DrivenTurn server;
  private final List<TurnListener> listeners;
  private final AtomicReference<@Nullable ServerTls> tls;

  private TurnService(
      IceRuntime runtime,
      DrivenTurn server,
      List<TurnListener> listeners,
      AtomicReference<@Nullable ServerTls> tls) {
    this.runtime = runtime;
    this.server = server;
    this.tls = tls;
    this.listeners = listeners;
  }

  /** Starts a configuration with the runtime's source of randomness and its clock. */
  public static TurnServerConfiguration.Builder configuration(IceRuntime runtime) {
    long now = runtime.nextDriver().now();
    return TurnServerConfiguration.builder(runtime.random())
        .epoch(Duration.ofMillis(System.currentTimeMillis()).minusNanos(now));
  }

  private static TurnServerConfiguration configuration(
      IceRuntime runtime, Consumer<TurnServerConfiguration.Builder> settings) {
    TurnServerConfiguration.Builder builder = configuration(runtime);
    settings.accept(builder);
    return builder.build();
  }

  /**
   * Binds to all the listeners and serves from then on.
   *
   * @param events hears what happens, on an event loop, which it must not block
   * @return fails with an {@link java.io.IOException} when an address could not be bound
   * @throws IllegalArgumentException when the configuration can't be
   * @throws IllegalStateException when the configuration can't be, or the runtime is closed
   */
  public static CompletableFuture<TurnService> start(
      IceRuntime runtime, TurnServiceSettings settings, Consumer<TurnServerEvent> events) {
    runtime.checkOpen();
    TurnServerConfiguration configuration = configuration(runtime, settings.configuration);
    AtomicReference<@Nullable ServerTls> tls = new AtomicReference<>();
    if (settings.identity != null) {
      tls.set(settings.identity.prepare());
    }
    DrivenTurn server = new DrivenTurn(runtime, settings, configuration, tls::get, events);
    if (!server.driver().execute(server::attach)) {
      throw new IllegalStateException("the runtime is closed");
    }
    Listeners.expand(
        runtime, settings.listeners, all -> server.driver().execute(() -> server.listen(all)));
    return server.bound().thenApply(listeners -> new TurnService(runtime, server, listeners, tls));
  }

  /** What is listened on, with the addresses and ports that were bound; never empty. */
  public List<TurnListener> listeners() {
    return listeners;
  }

  /** What was served and what was not; until the runtime is closed. */
  public CompletableFuture<Statistics> statistics() {
    return ask(server::statistics);
  }

  /** The allocations as they are now, oldest first; until the runtime is closed. */
  public CompletableFuture<List<TurnServer.Session>> sessions() {
    return ask(server.machine()::sessions);
  }

  /** Ends an allocation, named by {@link TurnServer.Session#id}; false when there is none. */
  public CompletableFuture<Boolean> end(long session) {
    return ask(() -> server.end(session));
  }

  private <T> CompletableFuture<T> ask(Supplier<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    if (!server.driver().execute(() -> answer.complete(question.get()))) {
      answer.completeExceptionally(new IceException("the runtime is closed"));
    }
    return answer;
  }

  /**
   * Goes on with another configuration, see {@link TurnServer#reconfigure}; the listeners stay.
   *
   * @throws IllegalArgumentException when the configuration can't be
   * @throws IllegalStateException when the configuration can't be
   */
  public void reconfigure(Consumer<TurnServerConfiguration.Builder> settings) {
    TurnServerConfiguration configuration = configuration(runtime, settings);
    server
        .driver()
        .execute(() -> server.turn(now -> server.machine().reconfigure(configuration, now)));
  }

  /**
   * Shows another identity from now on; streams and sessions that are there go on.
   *
   * @throws IllegalArgumentException when it can't be used
   */
  public void reload(TlsIdentity identity) {
    tls.set(identity.prepare());
  }

  /**
   * Makes no more allocations; those that are there go on.
   *
   * @return completed when the last one is gone, or the service is closed
   */
  public CompletableFuture<Void> drain() {
    server.driver().execute(server::drain);
    return server.drained().copy();
  }

  /** Ends all allocations and frees the ports. Does not wait; repeated calls do nothing. */
  @Override
  public void close() {
    server.driver().execute(server::shutDown);
  }
}
