package dev.frazil.lab;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import dev.frazil.turn.TurnServerEvent;
import dev.frazil.turn.TurnServerOutbox;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The relay's data path makes no object per packet. */
class RelayAllocationTest {
  private static final IpAddress SERVER = IpAddress.parse("192.0.2.1");
  private static final TransportAddress PEER = TransportAddress.udp("198.51.100.7", 4000);
  private static final FiveTuple CLIENT = new FiveTuple(
      TransportAddress.udp("192.0.2.1", 3478), TransportAddress.udp("203.0.113.5", 5000));
  private static final int PACKETS = 100_000;

  /** Counts, and remembers the relayed address. */
  private static final class Counter implements TurnServerOutbox {
    private TransportAddress relayed = CLIENT.local();
    private long packets;

    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      packets++;
    }

    @Override
    public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
      packets++;
    }

    @Override
    public boolean bind(TransportAddress address) {
      relayed = address;
      return true;
    }

    @Override
    public void unbind(TransportAddress address) {}

    @Override
    public void connect(FiveTuple path) {}

    @Override
    public void join(FiveTuple client, FiveTuple peer) {}

    @Override
    public void close(FiveTuple stream) {}

    @Override
    public void event(TurnServerEvent event) {}
  }

  private final Counter counter = new Counter();
  private final TurnServer server = new TurnServer(
      TurnServerConfiguration.builder(new Random(1))
          .anonymous(true)
          .relay(Relay.of(SERVER))
          .build(),
      counter);

  private void request(int method, Consumer<StunBuilder> attributes) {
    StunBuilder builder =
        StunBuilder.request(method, new TransactionId(method, 1), ByteBuffer.allocate(200));
    attributes.accept(builder);
    server.handleDatagram(CLIENT, builder.finish(), 0);
  }

  private static double bytesPerPacket(Runnable packet) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int i = 0; i < PACKETS; i++) {
      packet.run(); // until classes and call sites are linked
    }
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < PACKETS; i++) {
      packet.run();
    }
    return (threads.getCurrentThreadAllocatedBytes() - before) / (double) PACKETS;
  }

  @Test
  void channelDataPassesBothWaysWithoutAnObject() {
    request(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
    request(
        Method.CHANNEL_BIND,
        b -> b.put(AttributeType.CHANNEL_NUMBER, 0x4000).put(AttributeType.XOR_PEER_ADDRESS, PEER));
    ByteBuffer fromClient = ByteBuffer.allocateDirect(4 + 160);
    fromClient.putShort((short) 0x4000).putShort((short) 160);
    ByteBuffer fromPeer = ByteBuffer.allocateDirect(160);
    FiveTuple peerPath = new FiveTuple(counter.relayed, PEER);
    counter.packets = 0;
    double up = bytesPerPacket(() -> server.handleDatagram(CLIENT, fromClient.clear(), 1));
    double down = bytesPerPacket(() -> server.handleDatagram(peerPath, fromPeer.clear(), 1));
    assertThat(counter.packets).isEqualTo(4L * PACKETS);
    assertThat(up).as("bytes on the heap for a packet to the peer").isLessThan(0.1);
    assertThat(down).as("bytes on the heap for a packet to the client").isLessThan(0.1);
  }
}
