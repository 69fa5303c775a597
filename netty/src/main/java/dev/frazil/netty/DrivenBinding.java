package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driven;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.stun.BindingServer;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A Binding server on its event loop, with a port for each address. */
final class DrivenBinding extends Driven implements Outbox {
  private static final System.Logger LOGGER = System.getLogger(DrivenBinding.class.getName());

  private final IceRuntime runtime;
  private final BindingServer machine;
  private final Map<TransportAddress, DatagramPort> ports = new LinkedHashMap<>();
  private final CompletableFuture<List<TransportAddress>> bound = new CompletableFuture<>();
  private final List<TransportAddress> required;
  private String lastFailure = "the host has no such address";
  private int open;
  private boolean closed;

  DrivenBinding(IceRuntime runtime, BindingServer.Options options) {
    super(runtime.nextDriver());
    this.runtime = runtime;
    BindingServer.Discovery discovery = options.discovery();
    required = discovery == null ? List.of() : discovery.addresses();
    machine = new BindingServer(options, null, runtime.random(), this);
  }

  @Override
  public BindingServer machine() {
    return machine;
  }

  /** Completed with the addresses that could be bound, or failed when none could, or one of discovery could not. */
  CompletableFuture<List<TransportAddress>> bound() {
    return bound;
  }

  void bind(List<TransportAddress> addresses) {
    open = closed ? 0 : addresses.size();
    if (open == 0) {
      finish();
      return;
    }
    for (TransportAddress address : addresses) {
      int port = address.port();
      SocketSettings settings = SocketSettings.DEFAULT.withPorts(new PortRange(port, port));
      DatagramPort.bind(driver(), address.ip(), settings, runtime.random(), new Base(address));
    }
  }

  private void finish() {
    if (ports.isEmpty() || !ports.keySet().containsAll(required)) {
      bound.completeExceptionally(new IOException(lastFailure));
      shutDown();
    } else {
      bound.complete(List.copyOf(ports.keySet()));
    }
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    DatagramPort port = ports.get(path.local());
    if (port != null) {
      port.transmit(path.remote(), header, payload);
    }
  }

  @Override
  public void dispatch() {}

  @Override
  public void shutDown() {
    closed = true;
    detach();
    ports.values().forEach(DatagramPort::close);
    ports.clear();
    bound.completeExceptionally(new IOException("the runtime was closed"));
  }

  private final class Base implements DatagramPort.Owner {
    private final TransportAddress wanted;

    Base(TransportAddress wanted) {
      this.wanted = wanted;
    }

    @Override
    public void handleBound(DatagramPort port) {
      if (closed) {
        port.close();
      } else {
        ports.put(port.local(), port);
      }
      settled();
    }

    @Override
    public void handleBindFailed(String reason) {
      if (required.contains(wanted)) {
        lastFailure = wanted + ", for NAT behaviour discovery: " + reason;
      } else if (required.isEmpty()) {
        lastFailure = reason;
      }
      settled();
    }

    private void settled() {
      if (--open == 0) {
        finish();
      }
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      DrivenBinding.this.handleDatagram(path, datagram);
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      // not STUN
    }

    @Override
    public void handleBroken(DatagramPort port, String reason) {
      ports.remove(port.local());
      LOGGER.log(
          Level.WARNING, () -> "STUN service on port " + port.local().port() + ": " + reason);
    }
  }
}
