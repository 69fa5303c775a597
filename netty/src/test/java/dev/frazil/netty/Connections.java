package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Hears of one connection, and keeps what it hears. */
final class Connections implements ServerConnection.Owner {
  final CompletableFuture<ServerConnection> connected = new CompletableFuture<>();
  final CompletableFuture<String> failed = new CompletableFuture<>();
  final CompletableFuture<String> closed = new CompletableFuture<>();
  final BlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
  volatile Consumer<ServerConnection> onMessage = connection -> {};
  volatile Consumer<String> onUnreachable = reason -> {};
  private ServerConnection connection;

  /** Connects on the event loop. */
  static Connections open(Ports ports, ServerAddress where, ConnectionSettings settings)
      throws Exception {
    Connections owner = new Connections();
    owner.connection = ports.on(() -> ServerConnection.open(ports.driver, where, settings, owner));
    return owner;
  }

  ServerConnection connection() {
    return connection;
  }

  byte[] next() throws InterruptedException {
    return messages.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void handleConnected(ServerConnection it) {
    failed.completeExceptionally(new AssertionError("it connected"));
    connected.complete(it);
  }

  @Override
  public void handleConnectFailed(String reason) {
    connected.completeExceptionally(new AssertionError(reason));
    failed.complete(reason);
  }

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer message) {
    byte[] copy = new byte[message.remaining()];
    message.get(copy);
    messages.add(copy);
    onMessage.accept(connection);
  }

  @Override
  public void handleClosed(ServerConnection it, String reason) {
    closed.complete(reason);
  }

  @Override
  public void handleUnreachable(ServerConnection it, String reason) {
    onUnreachable.accept(reason);
  }
}
