package dev.frazil.server;

import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TlsIdentity;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnService;
import dev.frazil.netty.TurnServiceSettings;
import dev.frazil.stun.BindingServer;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What answers clients: a TURN service, which answers Binding requests alone where nobody may relay. */
final class Service {
  private final TurnService service;
  private final boolean relays;
  /** Bound at the start, so that it stays. */
  private final BindingServer.@Nullable Discovery discovery;

  private Service(
      TurnService service, boolean relays, BindingServer.@Nullable Discovery discovery) {
    this.service = service;
    this.relays = relays;
    this.discovery = discovery;
  }

  /**
   * Checks what can be wrong without opening a socket.
   *
   * @throws ConfigurationException when the host does not fit the configuration
   */
  static void check(IceRuntime runtime, ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    configuration.turn(TurnService.configuration(runtime), HostAddresses.now());
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
    TurnServiceSettings.Builder settings =
        TurnServiceSettings.builder(said(configuration, configuration.binding().discovery()));
    configuration.listeners().forEach(settings::listen);
    configuration.proxies().forEach(range -> settings.proxy(range.toString()));
    settings.shards(configuration.threads());
    TlsIdentity identity = configuration.identity();
    if (identity != null) {
      settings.identity(identity);
    }
    TurnService service = await(TurnService.start(runtime, settings.build(), events));
    return new Service(service, configuration.relays(), configuration.binding().discovery());
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
    return service.listeners();
  }

  boolean relays() {
    return relays;
  }

  /** What is there and was done; until the runtime is closed. */
  CompletableFuture<Totals> totals() {
    return service.statistics().thenApply(Totals::of);
  }

  /** The allocations as they are now, oldest first. */
  CompletableFuture<List<TurnServer.Session>> sessions() {
    return service.sessions();
  }

  /** Ends an allocation; false when there is none of this number. */
  CompletableFuture<Boolean> end(long session) {
    return service.end(session);
  }

  /** Goes on with other users, quotas, rules and certificates. */
  void reconfigure(IceRuntime runtime, ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    check(runtime, configuration);
    if (configuration.relays() == relays) {
      service.reconfigure(said(configuration, discovery));
      TlsIdentity identity = configuration.identity();
      if (identity != null) {
        service.reload(identity);
      }
    }
  }

  /** Makes no more allocations; done with the last. */
  CompletableFuture<Void> drain() {
    return service.drain();
  }
}
