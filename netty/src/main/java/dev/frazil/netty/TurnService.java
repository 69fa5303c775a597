package dev.frazil.netty;

import dev.frazil.netty.io.Driver;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A TURN server (RFC 8656) over UDP, TCP, TLS and DTLS, which answers Binding requests, too, and connects with peers by TCP
 * (RFC 6062) where the configuration says so. It runs on one or several
 * event loops; DONT-FRAGMENT is not available.
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
    NOT_READING,
    /** A proxy did not say, or not well, whom it is from: see {@link TurnServiceSettings.Builder#proxy}. */
    BAD_PROXY_HEADER,
    /** There is one of the same addresses, as proxies tell them. */
    SAME_ADDRESS
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
      Map<StreamEnd, Long> endedStreams) {
    Statistics plus(Statistics other) {
      Map<StreamEnd, Long> ended = new EnumMap<>(endedStreams);
      other.endedStreams.forEach((reason, count) -> ended.merge(reason, count, Long::sum));
      return new Statistics(
          server.plus(other.server),
          tooLong + other.tooLong,
          unsent + other.unsent,
          streams + other.streams,
          ended);
    }
  }

  private final Shards shards;
  private final List<TurnListener> listeners;

  private TurnService(Shards shards, List<TurnListener> listeners) {
    this.shards = shards;
    this.listeners = listeners;
  }

  /** Starts a configuration with the runtime's source of randomness, its clock, and what its sockets can do. */
  public static TurnServerConfiguration.Builder configuration(IceRuntime runtime) {
    Driver driver = runtime.nextDriver();
    return TurnServerConfiguration.builder(runtime.random())
        .epoch(Duration.ofMillis(System.currentTimeMillis()).minusNanos(driver.now()))
        .dontFragment(driver.sockets().setsDontFragment());
  }

  /**
   * Binds to all the listeners, and to the addresses of NAT behaviour discovery where the configuration's Binding options
   * name some, and serves from then on.
   *
   * @param events hears what happens, on event loops, on several at once where there are several shards; it must not
   *     block them
   * @return fails with an {@link java.io.IOException} when an address could not be bound
   * @throws IllegalArgumentException when the configuration can't be
   * @throws IllegalStateException when the configuration can't be, or the runtime is closed
   */
  public static CompletableFuture<TurnService> start(
      IceRuntime runtime, TurnServiceSettings settings, Consumer<TurnServerEvent> events) {
    runtime.checkOpen();
    Shards shards = new Shards(runtime, settings, events);
    List<TurnListener> listeners = Listeners.with(settings.listeners, shards.discovery);
    if (settings.identity != null) {
      shards.setTls(settings.identity.prepare());
    }
    for (DrivenTurn shard : shards.all) {
      if (!shard.driver().execute(shard::attach)) {
        throw new IllegalStateException("the runtime is closed");
      }
    }
    DrivenTurn first = shards.all.get(0);
    Listeners.expand(
        runtime, listeners, wanted -> first.driver().execute(() -> first.listen(wanted)));
    CompletableFuture<List<TurnListener>> open = first.bound();
    for (DrivenTurn shard : shards.all.subList(1, shards.all.size())) {
      open = open.thenCompose(bound -> {
        shard.driver().execute(() -> shard.listen(bound));
        return shard.bound();
      });
    }
    return open.whenComplete((bound, failure) -> {
          if (failure != null) {
            shards.close();
          }
        })
        .thenApply(bound -> new TurnService(shards, bound));
  }

  /** What is listened on, with the addresses and ports that were bound; never empty. */
  public List<TurnListener> listeners() {
    return listeners;
  }

  /** What was served and what was not, of all event loops; until the runtime is closed. */
  public CompletableFuture<Statistics> statistics() {
    return ask(DrivenTurn::statistics)
        .thenApply(parts -> parts.stream().reduce(Statistics::plus).orElseThrow());
  }

  /** The allocations as they are now, oldest first on each event loop; until the runtime is closed. */
  public CompletableFuture<List<TurnServer.Session>> sessions() {
    return ask(shard -> shard.machine().sessions())
        .thenApply(parts -> parts.stream().flatMap(List::stream).toList());
  }

  /** Ends an allocation, named by {@link TurnServer.Session#id}; false when there is none. */
  public CompletableFuture<Boolean> end(long session) {
    int shard = TurnServer.shardOf(session);
    return shard < shards.all.size()
        ? ask(shards.all.get(shard), there -> there.end(session))
        : CompletableFuture.completedFuture(false);
  }

  private <T> CompletableFuture<List<T>> ask(Function<DrivenTurn, T> question) {
    List<CompletableFuture<T>> answers =
        shards.all.stream().map(shard -> ask(shard, question)).toList();
    return CompletableFuture.allOf(answers.toArray(new CompletableFuture<?>[0]))
        .thenApply(done -> answers.stream().map(CompletableFuture::join).toList());
  }

  private static <T> CompletableFuture<T> ask(DrivenTurn shard, Function<DrivenTurn, T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    if (!shard.driver().execute(() -> answer.complete(question.apply(shard)))) {
      answer.completeExceptionally(new IceException("the runtime is closed"));
    }
    return answer;
  }

  /**
   * Goes on with another configuration, see {@link TurnServer#reconfigure}; the listeners stay, and so have the addresses of NAT
   * behaviour discovery to.
   *
   * @throws IllegalArgumentException when the configuration can't be
   * @throws IllegalStateException when the configuration can't be
   */
  public void reconfigure(Consumer<TurnServerConfiguration.Builder> settings) {
    shards.reconfigure(settings);
  }

  /**
   * Shows another identity from now on; streams and sessions that are there go on.
   *
   * @throws IllegalArgumentException when it can't be used
   */
  public void reload(TlsIdentity identity) {
    shards.setTls(identity.prepare());
  }

  /**
   * Makes no more allocations; those that are there go on.
   *
   * @return completed when the last one is gone, or the service is closed
   */
  public CompletableFuture<Void> drain() {
    shards.all.forEach(shard -> shard.driver().execute(shard::drain));
    return CompletableFuture.allOf(
        shards.all.stream().map(DrivenTurn::drained).toArray(CompletableFuture<?>[]::new));
  }

  /** Ends all allocations and frees the ports. Does not wait; repeated calls do nothing. */
  @Override
  public void close() {
    shards.close();
  }
}
