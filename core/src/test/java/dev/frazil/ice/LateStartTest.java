package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class LateStartTest {
  private final List<IceRequest> requests = new ArrayList<>();
  private final List<IceEvent> events = new ArrayList<>();
  private final IceOutbox outbox = new IceOutbox() {
    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {}

    @Override
    public void deliver(int stream, int component, ByteBuffer payload) {}

    @Override
    public void request(IceRequest request) {
      requests.add(request);
    }

    @Override
    public void event(IceEvent event) {
      events.add(event);
    }
  };

  @Test
  void timeBeforeTheInterfacesAreKnownDoesNotCountAsGathering() {
    IceConfiguration configuration = IceConfiguration.builder(
            Role.CONTROLLING, RandomGenerator.of("L64X128MixRandom"))
        .build();
    IceAgent agent = new IceAgent(configuration, outbox);
    agent.addStream(1, 0);

    long later = Duration.ofMinutes(1).toNanos();
    InterfaceAddress address = new InterfaceAddress(
        "eth0", IpAddress.parse("192.0.2.1"), 24, InterfaceAddress.Flags.DEFAULT_ROUTE);
    agent.setInterfaces(List.of(address), later);
    IceRequest.Open open = (IceRequest.Open) requests.get(0);
    agent.handleOpened(open, TransportAddress.udp(address.address(), 5000), later);

    assertThat(events).anyMatch(IceEvent.CandidateGathered.class::isInstance);
  }
}
