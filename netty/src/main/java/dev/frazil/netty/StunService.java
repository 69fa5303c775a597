package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A STUN server (RFC 8489 12) over UDP: tells each client the address that it is seen at. */
public final class StunService implements AutoCloseable {
  private final DrivenBinding server;
  private final List<TransportAddress> addresses;

  private StunService(DrivenBinding server, List<TransportAddress> addresses) {
    this.server = server;
    this.addresses = addresses;
  }

  /** {@link #start(IceRuntime, TransportAddress, BindingServer.Options)} with default options. */
  public static CompletableFuture<StunService> start(IceRuntime runtime, TransportAddress address) {
    return start(runtime, address, BindingServer.Options.DEFAULT);
  }

  /**
   * Binds to an address and answers from then on. With 0.0.0.0 or :: it binds to each address of that family that the
   * host has now, one socket each, so that every answer leaves from the address that was asked (RFC 8489 6.3.1.2).
   *
   * <p>Where the options name addresses for NAT behaviour discovery (RFC 5780), it binds to all of these as well.
   *
   * @param address a UDP address; port 0 lets the system choose
   * @return fails with an {@link java.io.IOException} when no address could be bound, or one for NAT behaviour discovery
   *     could not
   * @throws IllegalArgumentException when the address is not of UDP
   * @throws IllegalStateException when the runtime is closed
   */
  public static CompletableFuture<StunService> start(
      IceRuntime runtime, TransportAddress address, BindingServer.Options options) {
    runtime.checkOpen();
    Listeners.requireUdp(address);
    DrivenBinding server = new DrivenBinding(runtime, options);
    if (!server.driver().execute(server::attach)) {
      throw new IllegalStateException("the runtime is closed");
    }
    TurnListener wanted = new TurnListener(TurnListener.Kind.UDP, address);
    Listeners.expand(
        runtime,
        Listeners.with(List.of(wanted), options.discovery()),
        all -> server
            .driver()
            .execute(() -> server.bind(all.stream().map(TurnListener::address).toList())));
    return server.bound().thenApply(addresses -> new StunService(server, addresses));
  }

  /** The addresses that are bound; never empty. */
  public List<TransportAddress> addresses() {
    return addresses;
  }

  /** The first of {@link #addresses}. */
  public TransportAddress address() {
    return addresses.get(0);
  }

  /** What was answered and what was not; until the runtime is closed. */
  public CompletableFuture<BindingServer.Statistics> statistics() {
    CompletableFuture<BindingServer.Statistics> statistics = new CompletableFuture<>();
    if (!server.driver().execute(() -> statistics.complete(server.machine().stats()))) {
      statistics.completeExceptionally(new IceException("the runtime is closed"));
    }
    return statistics;
  }

  /** Stops answering and frees the ports. Does not wait; repeated calls do nothing. */
  @Override
  public void close() {
    server.driver().execute(server::shutDown);
  }
}
