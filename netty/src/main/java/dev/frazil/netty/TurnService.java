package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A TURN server (RFC 8656) over UDP, which answers Binding requests, too. It has one event loop; clients that come by
 * TCP or TLS, TCP allocations (RFC 6062) and DONT-FRAGMENT are not available.
 *
 * <pre>{@code
 * TurnServerConfiguration configuration = TurnService.configuration(runtime)
 *     .realm("example.org", accounts)
 *     .relay(TurnServerConfiguration.Relay.of(ip))
 *     .build();
 * TurnService.start(runtime, List.of(address), configuration, event -> {});
 * }</pre>
 */
public final class TurnService implements AutoCloseable {
  /**
   * What the service did so far.
   *
   * @param server as the machine tells it
   * @param tooLong datagrams that came in with more than 2,048 bytes
   * @param unsent datagrams that were to be sent while the way out was full
   */
  public record Statistics(TurnServer.Statistics server, long tooLong, long unsent) {}

  private final DrivenTurn server;
  private final List<TransportAddress> addresses;

  private TurnService(DrivenTurn server, List<TransportAddress> addresses) {
    this.server = server;
    this.addresses = addresses;
  }

  /** Starts a configuration with the runtime's source of randomness and its clock. */
  public static TurnServerConfiguration.Builder configuration(IceRuntime runtime) {
    long now = runtime.nextDriver().now();
    return TurnServerConfiguration.builder(runtime.random())
        .epoch(Duration.ofMillis(System.currentTimeMillis()).minusNanos(now));
  }

  /**
   * Binds to all the addresses and serves from then on. 0.0.0.0 and :: stand for each address of their family that the
   * host has now, one socket each.
   *
   * @param listeners UDP addresses, one at least; port 0 lets the system choose
   * @param configuration begun by {@link #configuration}
   * @param events hears what happens, on the event loop, which it must not block
   * @return fails with an {@link java.io.IOException} when an address could not be bound
   * @throws IllegalArgumentException when an address is not of UDP, or there is none
   * @throws IllegalStateException when the runtime is closed
   */
  public static CompletableFuture<TurnService> start(
      IceRuntime runtime,
      List<TransportAddress> listeners,
      TurnServerConfiguration configuration,
      Consumer<TurnServerEvent> events) {
    runtime.checkOpen();
    if (listeners.isEmpty()) {
      throw new IllegalArgumentException("listeners: one address at least");
    }
    listeners.forEach(Listeners::requireUdp);
    DrivenTurn server = new DrivenTurn(runtime, configuration, events);
    if (!server.driver().execute(server::attach)) {
      throw new IllegalStateException("the runtime is closed");
    }
    Listeners.expand(runtime, listeners, all -> server.driver().execute(() -> server.listen(all)));
    return server.bound().thenApply(addresses -> new TurnService(server, addresses));
  }

  /** The addresses that are listened on; never empty. */
  public List<TransportAddress> addresses() {
    return addresses;
  }

  /** What was served and what was not; until the runtime is closed. */
  public CompletableFuture<Statistics> statistics() {
    return ask(server::statistics);
  }

  /** The allocations as they are now, oldest first; until the runtime is closed. */
  public CompletableFuture<List<TurnServer.Session>> sessions() {
    return ask(server.machine()::sessions);
  }

  private <T> CompletableFuture<T> ask(Supplier<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    if (!server.driver().execute(() -> answer.complete(question.get()))) {
      answer.completeExceptionally(new IceException("the runtime is closed"));
    }
    return answer;
  }

  /** Goes on with other settings, see {@link TurnServer#reconfigure}; the listening addresses stay. */
  public void reconfigure(TurnServerConfiguration configuration) {
    server
        .driver()
        .execute(() -> server.turn(now -> server.machine().reconfigure(configuration, now)));
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
