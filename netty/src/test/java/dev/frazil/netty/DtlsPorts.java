package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.DtlsPort;
import dev.frazil.netty.io.ServerIdentity;
import dev.frazil.netty.io.SocketSettings;
import io.netty.pkitesting.X509Bundle;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A server of DTLS that sends back what it hears. */
final class DtlsPorts implements DatagramPort.Owner {
  private final CompletableFuture<DtlsPort> bound = new CompletableFuture<>();
  final BlockingQueue<FiveTuple> heard = new LinkedBlockingQueue<>();
  volatile ServerIdentity identity;
  private final Ports ports;

  private DtlsPorts(Ports ports, X509Bundle identity) {
    this.ports = ports;
    this.identity = identity(identity);
  }

  static DtlsPorts open(Ports ports, X509Bundle identity, DtlsPort.Limits limits) throws Exception {
    DtlsPorts owner = new DtlsPorts(ports, identity);
    ports.on(() -> {
      DtlsPort.bind(
          ports.driver,
          IpAddress.parse("127.0.0.1"),
          SocketSettings.DEFAULT,
          new Random(1),
          () -> owner.identity,
          limits,
          owner);
      return null;
    });
    Loopback.await(owner.bound);
    return owner;
  }

  static ServerIdentity identity(X509Bundle bundle) {
    return new ServerIdentity(
        bundle.getCertificatePathList(), bundle.getKeyPair().getPrivate());
  }

  DtlsPort port() throws Exception {
    return Loopback.await(bound);
  }

  InetSocketAddress socketAddress() throws Exception {
    return new InetSocketAddress("127.0.0.1", port().local().port());
  }

  ServerAddress address(String host) throws Exception {
    return new ServerAddress(null, port().local(), true, host);
  }

  DtlsPort.Statistics statistics() throws Exception {
    return ports.on(() -> port().statistics());
  }

  FiveTuple next() throws InterruptedException {
    return heard.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void handleBound(DatagramPort port) {
    bound.complete((DtlsPort) port);
  }

  @Override
  public void handleBindFailed(String reason) {
    bound.completeExceptionally(new AssertionError(reason));
  }

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
    heard.add(path);
    bound.join().transmit(path.remote(), datagram, ByteBuffer.allocate(0));
  }

  @Override
  public void handleTooLong(FiveTuple path) {}

  @Override
  public void handleBroken(DatagramPort port, String reason) {}
}
