package dev.frazil.server;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.StunService;
import dev.frazil.netty.TlsIdentity;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnService;
import dev.frazil.netty.TurnServiceSettings;
import dev.frazil.stun.BindingServer;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What answers clients: a TURN service; or, where nobody may relay, services of Binding requests alone. */
final class Service {
  private final @Nullable TurnService relay;
  private final List<StunService> bindings;
  private final List<TurnListener> listeners;
  /** Bound at the start, so that it stays. */
  private final BindingServer.@Nullable Discovery discovery;

  private Service(
      @Nullable TurnService relay,
      List<StunService> bindings,
      List<TurnListener> listeners,
      BindingServer.@Nullable Discovery discovery) {
    this.discovery = discovery;
    this.relay = relay;
    this.bindings = bindings;
    this.listeners = listeners;
  }

  /**
   * Checks what can be wrong without opening a socket.
   *
   * @throws ConfigurationException when the host does not fit the configuration
   */
  static void check(IceRuntime runtime, ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    if (configuration.relays()) {
      configuration.turn(TurnService.configuration(runtime), HostAddresses.now());
    }
  }

  /**
   * Listens.
   *
   * @throws ConfigurationException when the host does not fit the configuration
   * @throws IOException when an address can't be bound, naming it
   */
  static Service start(
      IceRuntime runtime, ServerConfiguration configuration, Consumer<TurnServerEvent> events)
      throws IOException, ConfigurationException, InterruptedException {
    check(runtime, configuration);
    if (!configuration.relays()) {
      return startBindings(runtime, configuration);
    }
    TurnServiceSettings.Builder settings =
        TurnServiceSettings.builder(said(configuration, configuration.binding().discovery()));
    configuration.listeners().forEach(settings::listen);
    configuration.proxies().forEach(range -> settings.proxy(range.toString()));
    settings.shards(configuration.threads());
    TlsIdentity identity = configuration.identity();
    if (identity != null) {
      settings.identity(identity);
    }
    TurnService relay = await(TurnService.start(runtime, settings.build(), events));
    return new Service(
        relay, List.of(), relay.listeners(), configuration.binding().discovery());
  }

  private static Service startBindings(IceRuntime runtime, ServerConfiguration configuration)
      throws IOException, InterruptedException {
    List<StunService> services = new ArrayList<>();
    List<TurnListener> listeners = new ArrayList<>();
    BindingServer.Options options = configuration.binding();
    BindingServer.Discovery discovery = options.discovery();
    List<TransportAddress> addresses = new ArrayList<>(configuration.listen());
    if (discovery != null) {
      addresses.removeAll(discovery.addresses()); // one machine has all four
      addresses.add(0, discovery.primary());
    }
    for (TransportAddress address : addresses) {
      boolean discovers = discovery != null && address.equals(discovery.primary());
      try {
        StunService service = await(StunService.start(
            runtime, address, options.withDiscovery(discovers ? discovery : null)));
        services.add(service);
        service
            .addresses()
            .forEach(bound -> listeners.add(new TurnListener(TurnListener.Kind.UDP, bound)));
      } catch (IOException e) {
        throw new IOException(address + ": " + e.getMessage(), e);
      }
    }
    return new Service(null, services, List.copyOf(listeners), discovery);
  }

  /** What was checked already, said on a builder. */
  private static Consumer<TurnServerConfiguration.Builder> said(
      ServerConfiguration configuration, BindingServer.@Nullable Discovery discovery)
      throws IOException {
    HostAddresses host = HostAddresses.now();
    return builder -> {
      try {
        configuration.turn(builder, host);
        builder.binding(configuration.binding().withDiscovery(discovery));
      } catch (ConfigurationException e) {
        throw new IllegalArgumentException(e.getMessage(), e);
      }
    };
  }

  static <T> T await(CompletableFuture<T> future) throws IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw cause instanceof IOException known ? known : new IOException(cause);
    }
  }

  List<TurnListener> listeners() {
    return listeners;
  }

  boolean relays() {
    return relay != null;
  }

  /** What is there and was done; until the runtime is closed. */
  CompletableFuture<Totals> totals() {
    if (relay != null) {
      return relay.statistics().thenApply(Totals::of);
    }
    CompletableFuture<List<BindingServer.Statistics>> all =
        CompletableFuture.completedFuture(List.of());
    for (StunService each : bindings) {
      all = all.thenCombine(each.statistics(), Service::with);
    }
    return all.thenApply(Totals::ofBindings);
  }

  private static <T> List<T> with(List<T> list, T more) {
    List<T> longer = new ArrayList<>(list);
    longer.add(more);
    return longer;
  }

  /** The allocations as they are now, oldest first. */
  CompletableFuture<List<TurnServer.Session>> sessions() {
    return relay == null ? CompletableFuture.completedFuture(List.of()) : relay.sessions();
  }

  /** Ends an allocation; false when there is none of this number. */
  CompletableFuture<Boolean> end(long session) {
    return relay == null ? CompletableFuture.completedFuture(false) : relay.end(session);
  }

  /** Goes on with other users, quotas, rules and certificates. */
  void reconfigure(IceRuntime runtime, ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    check(runtime, configuration);
    if (relay != null && configuration.relays()) {
      relay.reconfigure(said(configuration, discovery));
      TlsIdentity identity = configuration.identity();
      if (identity != null) {
        relay.reload(identity);
      }
    }
  }

  /** Makes no more allocations; done with the last. */
  CompletableFuture<Void> drain() {
    return relay == null ? CompletableFuture.completedFuture(null) : relay.drain();
  }
}
