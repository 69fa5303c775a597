package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.BindingServer.Discovery;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** NAT behaviour discovery (RFC 5780) over two addresses of the loopback interface. */
class NatDiscoveryTest {
  private static final String IP1 = "127.0.0.1";
  private static final String IP2 = "127.0.0.2";

  private final Random random = new Random(1);
  private final IceRuntime runtime = IceRuntime.builder().eventLoops(2).build();

  @AfterEach
  void close() {
    runtime.close();
  }

  private static Discovery discovery() throws Exception {
    int port = DatagramPortTest.freePorts(2);
    return new Discovery(TransportAddress.udp(IP1, port), TransportAddress.udp(IP2, port + 1));
  }

  private static BindingServer.Options options(Discovery discovery) {
    return BindingServer.Options.DEFAULT.withDiscovery(discovery);
  }

  private TurnService startTurn(TurnServiceSettings.Builder settings) throws Exception {
    return Loopback.await(TurnService.start(runtime, settings.build(), event -> {}));
  }

  private static TurnServiceSettings.Builder settings(Discovery discovery) throws Exception {
    return TurnServices.settings(IP1, builder -> builder.binding(options(discovery)))
        .listen(Kind.UDP, IP1, discovery.primary().port());
  }

  private void assertEachAnswerLeavesAsItWasAskedFor(Discovery discovery) throws Exception {
    List<TransportAddress> origins = discovery.addresses();
    for (int i = 0; i < 8; i++) { // several sources, so that several machines are asked
      try (DatagramSocket client = Loopback.socket(IP1)) {
        int[] flags = {0, 2, 4, 6};
        for (int j = 0; j < flags.length; j++) {
          DatagramPacket answer = ask(client, discovery.primary(), flags[j]);
          InetSocketAddress from = (InetSocketAddress) answer.getSocketAddress();
          assertThat(SocketAddresses.toUdp(from, 0)).isEqualTo(origins.get(j));
          StunMessage message =
              StunMessage.tryParse(ByteBuffer.wrap(answer.getData(), 0, answer.getLength()));
          assertThat(message.get(AttributeType.RESPONSE_ORIGIN)).isEqualTo(origins.get(j));
          assertThat(message.get(AttributeType.OTHER_ADDRESS)).isEqualTo(discovery.alternate());
        }
      }
    }
  }

  private DatagramPacket ask(DatagramSocket client, TransportAddress server, int flags)
      throws IOException {
    ByteBuffer request = StunBuilder.request(
            Method.BINDING, TransactionId.random(random), ByteBuffer.allocate(100))
        .put(AttributeType.CHANGE_REQUEST, flags)
        .finish();
    client.send(new DatagramPacket(
        request.array(), request.limit(), SocketAddresses.toSocketAddress(server, 0)));
    return Loopback.receive(client);
  }

  @Test
  @Tag("STUN-1520")
  void serviceOfStunAnswersFromAllFourAddresses() throws Exception {
    Discovery discovery = discovery();
    StunService service =
        Loopback.await(StunService.start(runtime, discovery.primary(), options(discovery)));
    assertThat(service.addresses()).containsExactlyInAnyOrderElementsOf(discovery.addresses());
    assertEachAnswerLeavesAsItWasAskedFor(discovery);
  }

  @Test
  @Tag("STUN-1520")
  void serviceOfTurnAnswersFromAllFourAddressesOnEachEventLoop() throws Exception {
    Discovery discovery = discovery();
    try (TurnService service = startTurn(settings(discovery).shards(2))) {
      assertThat(service.listeners().stream().map(TurnListener::address))
          .containsExactlyInAnyOrderElementsOf(discovery.addresses());
      assertEachAnswerLeavesAsItWasAskedFor(discovery);
    }
  }

  @Test
  @Tag("STUN-1500")
  void withoutOneOfTheFourNothingIsServed() throws Exception {
    Discovery discovery = discovery();
    TransportAddress taken = discovery.alternate();
    try (DatagramSocket other =
        new DatagramSocket(new InetSocketAddress(taken.ip().toString(), taken.port()))) {
      assertThat(other.isBound()).isTrue();
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() ->
              Loopback.await(StunService.start(runtime, discovery.primary(), options(discovery))))
          .withCauseInstanceOf(IOException.class)
          .withMessageContaining(taken + ", for NAT behaviour discovery: ");
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> startTurn(settings(discovery)))
          .withCauseInstanceOf(IOException.class)
          .withMessageContaining(taken.toString());
    }
    for (TransportAddress free :
        List.of(discovery.primary(), discovery.addresses().get(2))) {
      Wait.until(() -> isFree(free));
    }
  }

  private static boolean isFree(TransportAddress address) {
    try (DatagramSocket socket =
        new DatagramSocket(new InetSocketAddress(address.ip().toString(), address.port()))) {
      return socket.isBound();
    } catch (IOException taken) {
      return false;
    }
  }

  @Test
  void portsOfDtlsAreNoneForDiscovery() throws Exception {
    Discovery discovery = discovery();
    TurnServiceSettings.Builder settings =
        settings(discovery).listen(Kind.DTLS, "0.0.0.0", discovery.alternate().port());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> startTurn(settings))
        .withMessageContaining("NAT behaviour discovery needs");
  }

  @Test
  void addressesCannotChangeWhileTheServiceRuns() throws Exception {
    Discovery discovery = discovery();
    try (TurnService service = startTurn(settings(discovery))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> service.reconfigure(
              TurnServices.configuration(IP1, 10, builder -> builder.binding(options(null)))))
          .withMessageContaining("discovery");
      assertEachAnswerLeavesAsItWasAskedFor(discovery);
    }
  }
}
