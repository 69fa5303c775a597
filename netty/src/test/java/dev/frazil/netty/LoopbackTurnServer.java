package dev.frazil.netty;

import dev.frazil.ice.IceConfiguration;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import dev.frazil.turn.TurnServerEvent;
import dev.frazil.turn.TurnServerOutbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Core's TURN server on 127.0.0.1, over plain channels and a thread of its own. */
final class LoopbackTurnServer implements TurnServerOutbox, AutoCloseable {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final IpAddress HERE = IpAddress.parse("127.0.0.1");

  private final long origin = System.nanoTime();
  private final Selector selector = Selector.open();
  private final Map<TransportAddress, DatagramChannel> channels = new HashMap<>();
  private final TransportAddress address;
  private final TurnServer machine;
  private volatile boolean closed;
  private volatile int allocations;

  LoopbackTurnServer() throws IOException {
    machine = new TurnServer(
        TurnServerConfiguration.builder(new SecureRandom())
            .relay(Relay.of(HERE))
            .peerFilter(PeerFilter.builder().loopback(true).build())
            .realm(
                "example.org",
                (name, realm, algorithm) ->
                    name.equals(USER.username()) ? USER.key(realm, algorithm) : null)
            .build(),
        this);
    address = open(TransportAddress.udp(HERE, 0));
    Thread thread = new Thread(this::serve, "turn server");
    thread.setDaemon(true);
    thread.start();
  }

  IceConfiguration.TurnServer server() {
    return IceConfiguration.TurnServer.udp("127.0.0.1", address.port(), USER);
  }

  int allocations() {
    return allocations;
  }

  private long now() {
    return System.nanoTime() - origin;
  }

  private TransportAddress open(TransportAddress local) throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    channel.configureBlocking(false);
    channel.bind(SocketAddresses.toSocketAddress(local, 0));
    TransportAddress bound =
        SocketAddresses.toUdp((InetSocketAddress) channel.getLocalAddress(), 0);
    channel.register(selector, SelectionKey.OP_READ, bound);
    channels.put(bound, channel);
    return bound;
  }

  private void serve() {
    ByteBuffer buffer = ByteBuffer.allocate(65_536);
    try {
      while (!closed) {
        long wait = machine.nextTimeout() - now();
        selector.select(Math.max(1, Math.min(wait / 1_000_000, 100)));
        for (SelectionKey key : List.copyOf(selector.selectedKeys())) {
          read(key, buffer);
        }
        selector.selectedKeys().clear();
        machine.handleTimeout(now());
        allocations = machine.sessions().size();
      }
      for (DatagramChannel channel : new ArrayList<>(channels.values())) {
        channel.close();
      }
      selector.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void read(SelectionKey key, ByteBuffer buffer) throws IOException {
    DatagramChannel channel = (DatagramChannel) key.channel();
    while (channel.isOpen()) {
      InetSocketAddress from = (InetSocketAddress) channel.receive(buffer.clear());
      if (from == null) {
        return;
      }
      FiveTuple path =
          new FiveTuple((TransportAddress) key.attachment(), SocketAddresses.toUdp(from, 0));
      machine.handleDatagram(path, buffer.flip(), now());
    }
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    ByteBuffer whole = ByteBuffer.allocate(header.remaining() + payload.remaining());
    whole.put(header.duplicate()).put(payload.duplicate()).flip();
    try {
      channels.get(path.local()).send(whole, SocketAddresses.toSocketAddress(path.remote(), 0));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
    transmit(path, payload, ByteBuffer.allocate(0));
  }

  @Override
  public boolean bind(TransportAddress relayed) {
    try {
      open(relayed);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void unbind(TransportAddress relayed) {
    try {
      channels.remove(relayed).close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void connect(FiveTuple path) {
    throw new UnsupportedOperationException("no streams here");
  }

  @Override
  public void join(FiveTuple client, FiveTuple peer) {
    throw new UnsupportedOperationException("no streams here");
  }

  @Override
  public void close(FiveTuple stream) {}

  @Override
  public void event(TurnServerEvent event) {}

  @Override
  public void close() {
    closed = true;
    selector.wakeup();
  }
}
