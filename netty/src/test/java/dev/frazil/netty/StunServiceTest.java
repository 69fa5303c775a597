package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class StunServiceTest {
  private static final TransportAddress ANYWHERE = TransportAddress.udp(IpAddress.ANY4, 0);
  private static final TransportAddress LOCAL = TransportAddress.udp("127.0.0.1", 0);

  private final Random random = new Random(1);
  private IceRuntime runtime;

  @BeforeEach
  void open() {
    runtime = IceRuntime.create();
  }

  @AfterEach
  void close() {
    runtime.close();
  }

  private byte[] request() {
    ByteBuffer request = StunBuilder.request(
            Method.BINDING, TransactionId.random(random), ByteBuffer.allocate(100))
        .finish();
    byte[] bytes = new byte[request.remaining()];
    request.get(bytes);
    return bytes;
  }

  /** Sends a request and waits for the answer. */
  private static DatagramPacket ask(DatagramSocket client, TransportAddress server, byte[] request)
      throws IOException {
    client.setSoTimeout((int) (Loopback.LIMIT_SECONDS * 1000));
    client.send(
        new DatagramPacket(request, request.length, SocketAddresses.toSocketAddress(server, 0)));
    DatagramPacket answer = new DatagramPacket(new byte[1000], 1000);
    client.receive(answer);
    return answer;
  }

  private static StunMessage message(DatagramPacket packet) {
    return StunMessage.tryParse(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()));
  }

  @Test
  void clientsAreToldWhereTheyAreSeen() throws Exception {
    StunService service = Loopback.await(StunService.start(runtime, LOCAL));
    try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      StunMessage answer = message(ask(client, service.address(), request()));
      assertThat(answer.get(AttributeType.XOR_MAPPED_ADDRESS))
          .isEqualTo(TransportAddress.udp("127.0.0.1", client.getLocalPort()));
      BindingServer.Statistics statistics = Loopback.await(service.statistics());
      assertThat(statistics.answered()).isEqualTo(1);
    }
  }

  @Test
  @Tag("STUN-1030")
  void clientsOfRfc3489GetTheOldAnswer() throws Exception {
    StunService service = Loopback.await(StunService.start(runtime, LOCAL));
    try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      byte[] classic = new byte[20];
      random.nextBytes(classic);
      ByteBuffer.wrap(classic).putShort((short) 1).putShort((short) 0).putInt(0x01020304);
      DatagramPacket answer = ask(client, service.address(), classic);
      ByteBuffer bytes = ByteBuffer.wrap(answer.getData(), 0, answer.getLength());
      assertThat(bytes.getShort()).isEqualTo((short) 0x0101);
      assertThat(bytes.position(4).slice().limit(16)).isEqualTo(ByteBuffer.wrap(classic, 4, 16));
      assertThat(bytes.position(20).getShort()).as("MAPPED-ADDRESS").isEqualTo((short) 1);
      assertThat(bytes.position(26).getShort() & 0xFFFF).isEqualTo(client.getLocalPort());
    }
  }

  @Test
  @Tag("STUN-0550")
  void serverOnManyAddressesAnswersFromTheOneThatWasAsked() throws Exception {
    StunService service = Loopback.await(StunService.start(runtime, ANYWHERE));
    Set<IpAddress> asked = new HashSet<>();
    for (TransportAddress server : service.addresses()) {
      try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("0.0.0.0", 0))) {
        DatagramPacket answer = ask(client, server, request());
        assertThat(SocketAddresses.toUdp((InetSocketAddress) answer.getSocketAddress(), 0))
            .isEqualTo(server);
        assertThat(message(answer).get(AttributeType.XOR_MAPPED_ADDRESS)).isNotNull();
        asked.add(server.ip());
      }
    }
    assertThat(asked)
        .contains(IpAddress.parse("127.0.0.1"))
        .hasSameSizeAs(SystemInterfaces.INSTANCE.addresses().stream()
            .filter(address -> address.address().isIpv4())
            .toList());
  }

  @Test
  void ipv6IsServedToo() throws Exception {
    StunService service =
        Loopback.await(StunService.start(runtime, TransportAddress.udp("::1", 0)));
    try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("::1", 0))) {
      assertThat(message(ask(client, service.address(), request()))
              .get(AttributeType.XOR_MAPPED_ADDRESS))
          .isEqualTo(TransportAddress.udp("::1", client.getLocalPort()));
    }
  }

  @Test
  void portThatIsTakenIsSaid() throws Exception {
    try (DatagramSocket taken = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      TransportAddress address = LOCAL.withPort(taken.getLocalPort());
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> Loopback.await(StunService.start(runtime, address)))
          .withCauseInstanceOf(IOException.class)
          .withMessageContaining("in use");
    }
  }

  @Test
  void addressOfAnotherTransportIsRefused() {
    TransportAddress tcp = new TransportAddress(LOCAL.ip(), 3478, Transport.TCP);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> StunService.start(runtime, tcp))
        .withMessageContaining("address " + tcp)
        .withMessageContaining("UDP");
  }

  @Test
  void closingFreesThePort() throws Exception {
    int port = DatagramPortTest.freePorts(1);
    StunService first = Loopback.await(StunService.start(runtime, LOCAL.withPort(port)));
    first.close();
    first.close();
    Wait.until(() -> {
      try {
        Loopback.await(StunService.start(runtime, LOCAL.withPort(port))).close();
        return true;
      } catch (ExecutionException e) {
        return false;
      }
    });
  }

  @Test
  void closedRuntimeStartsNoService() {
    runtime.close();
    assertThatIllegalStateException().isThrownBy(() -> StunService.start(runtime, LOCAL));
  }
}
