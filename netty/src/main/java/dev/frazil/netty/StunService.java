package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A STUN server (RFC 8489 12) over UDP: tells each client the address that it is seen at. */
public final class StunService implements AutoCloseable {
  private StunService() {}

  /**
   * Binds to an address and answers from then on. With 0.0.0.0 or :: it binds to each address that the host has now,
   * so that every answer leaves from the address that was asked (RFC 8489 6.3.1.2).
   *
   * @param address a UDP address; port 0 lets the system choose
   * @return fails with the cause when the address can't be bound
   */
  public static CompletableFuture<StunService> start(IceRuntime runtime, TransportAddress address) {
    throw new UnsupportedOperationException();
  }

  /** The addresses that are bound; never empty. */
  public List<TransportAddress> addresses() {
    throw new UnsupportedOperationException();
  }

  /** Stops answering and frees the port. Does not wait; repeated calls do nothing. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
