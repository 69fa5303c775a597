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
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TurnServiceTest {
  private static final LongTermCredential USER = TurnServices.USER;
  private static final TransportAddress LOCAL = TransportAddress.udp("127.0.0.1", 0);
  private static final TurnListener UDP = new TurnListener(TurnListener.Kind.UDP, LOCAL);
  private static final int CHANNEL = 0x4001;

  private final List<TurnServerEvent> events = new CopyOnWriteArrayList<>();
  private IceRuntime runtime = IceRuntime.create();

  @AfterEach
  void close() {
    runtime.close();
  }

  private CompletableFuture<TurnService> start(
      Consumer<TurnServerConfiguration.Builder> configuration, TurnListener... listeners) {
    TurnServiceSettings.Builder settings = TurnServiceSettings.builder(configuration);
    List.of(listeners).forEach(settings::listen);
    return TurnService.start(runtime, settings.build(), events::add);
  }

  private TurnService start(String ip) throws Exception {
    TurnListener listener = TurnListener.of(TurnListener.Kind.UDP, IpAddress.parse(ip), 0);
    return Loopback.await(start(TurnServices.configuration(ip, 2000, builder -> {}), listener));
  }

  private static void echo(DatagramSocket peer) throws IOException {
    DatagramPacket packet = Loopback.receive(peer);
    peer.send(new DatagramPacket(
        packet.getData(), packet.getLength(), (InetSocketAddress) packet.getSocketAddress()));
  }

  private static TransportAddress address(DatagramSocket socket) {
    return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
  }

  private static byte[] payload(int length) {
    byte[] payload = new byte[length];
    Arrays.fill(payload, (byte) length);
    return payload;
  }

  private void relaysBothWays(String ip) throws Exception {
    TurnService service = start(ip);
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER);
        DatagramSocket peer = Loopback.socket(ip)) {
      TransportAddress relayed = client.allocate();
      assertThat(relayed.ip()).isEqualTo(IpAddress.parse(ip));
      assertThat(client.permit(address(peer))).isZero();

      client.indicate(address(peer), payload(333));
      echo(peer);
      StunMessage indication = StunMessage.tryParse(client.receive());
      assertThat(indication.method()).isEqualTo(Method.DATA);
      assertThat(indication.get(AttributeType.XOR_PEER_ADDRESS)).isEqualTo(address(peer));
      assertThat(indication.get(AttributeType.DATA)).isEqualTo(ByteBuffer.wrap(payload(333)));

      assertThat(client.bind(CHANNEL, address(peer))).isZero();
      client.channelData(CHANNEL, payload(1201));
      DatagramPacket packet = Loopback.receive(peer);
      assertThat(SocketAddresses.toUdp((InetSocketAddress) packet.getSocketAddress(), 0))
          .isEqualTo(relayed);
      assertThat(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()))
          .isEqualTo(ByteBuffer.wrap(payload(1201)));
      peer.send(new DatagramPacket(
          packet.getData(), packet.getLength(), (InetSocketAddress) packet.getSocketAddress()));
      ByteBuffer answer = client.receive();
      assertThat(answer.getShort()).isEqualTo((short) CHANNEL);
      assertThat(answer.getShort()).isEqualTo((short) 1201);
      assertThat(answer).isEqualTo(ByteBuffer.wrap(payload(1201)));
    }
  }

  @ParameterizedTest
  @MethodSource("dev.frazil.netty.Loopback#transports")
  void payloadsGoToAPeerAndBackOnEveryTransport(IoTransport transport) throws Exception {
    runtime.close();
    runtime = IceRuntime.builder().transport(transport).build();
    relaysBothWays("127.0.0.1");
  }

  @Test
  void ipv6IsServedToo() throws Exception {
    relaysBothWays("::1");
  }

  @Test
  void burstOfPayloadsArrivesWholeAndInOrder() throws Exception {
    TurnService service = start("127.0.0.1");
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER);
        DatagramSocket peer = Loopback.socket("127.0.0.1")) {
      client.allocate();
      client.bind(CHANNEL, address(peer));
      for (int i = 1; i <= 64; i++) {
        client.channelData(CHANNEL, payload(i));
      }
      for (int i = 1; i <= 64; i++) {
        DatagramPacket packet = Loopback.receive(peer);
        assertThat(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()))
            .isEqualTo(ByteBuffer.wrap(payload(i)));
      }
      TurnServer.Traffic traffic = Loopback.await(service.sessions()).get(0).traffic();
      assertThat(traffic.packetsToPeers()).isEqualTo(64);
      assertThat(traffic.bytesToPeers()).isEqualTo(64 * 65 / 2);
    }
  }

  @Test
  void bindingRequestsAreAnswered() throws Exception {
    TurnService service = start("127.0.0.1");
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      StunMessage answer = client.request(Method.BINDING, builder -> {});
      assertThat(answer.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(client.address());
      assertThat(Loopback.await(service.statistics()).server().binding().answered())
          .isEqualTo(1);
    }
  }

  @Test
  void wrongPasswordIsRefused() throws Exception {
    TurnService service = start("127.0.0.1");
    LongTermCredential wrong = new LongTermCredential("user", "word");
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), wrong)) {
      assertThat(RawTurnClient.code(client.allocate(builder -> {})))
          .isEqualTo(ErrorCode.UNAUTHENTICATED);
    }
    assertThat(events).isEmpty();
  }

  @Test
  void relayedPortThatIsTakenIsPassedOverAndWithoutAnotherTheServerIsFull() throws Exception {
    try (DatagramSocket taken = Loopback.socket("127.0.0.1")) {
      int port = taken.getLocalPort();
      IpAddress ip = LOCAL.ip();
      TurnService service = Loopback.await(start(
          builder ->
              builder.anonymous(true).relay(new TurnServerConfiguration.Relay(ip, ip, port, port)),
          UDP));
      try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
        assertThat(RawTurnClient.code(client.allocate(builder -> {})))
            .isEqualTo(ErrorCode.INSUFFICIENT_CAPACITY);
      }
    }
  }

  @Test
  void releasedPortIsFreeAgain() throws Exception {
    TurnService service =
        Loopback.await(start(TurnServices.configuration("127.0.0.1", 1, builder -> {}), UDP));
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      TransportAddress relayed = client.allocate();
      assertThat(isFree(relayed)).isFalse();
      assertThat(client.release()).isZero();
      Wait.until(() -> isFree(relayed));
      assertThat(events)
          .hasAtLeastOneElementOfType(TurnServerEvent.AllocationCreated.class)
          .last()
          .isInstanceOfSatisfying(
              TurnServerEvent.AllocationEnded.class,
              ended -> assertThat(ended.reason()).isEqualTo(TurnServerEvent.EndReason.RELEASED));
    }
  }

  private static boolean isFree(TransportAddress address) {
    try (DatagramSocket probe = new DatagramSocket(SocketAddresses.toSocketAddress(address, 0))) {
      return probe.isBound();
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void allocationForTcpIsRefusedAndTheServerGoesOn() throws Exception {
    TurnService service = Loopback.await(
        start(TurnServices.configuration("127.0.0.1", 100, builder -> builder.tcp(true)), UDP));
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      StunMessage response = client.request(
          Method.ALLOCATE, builder -> builder.put(AttributeType.REQUESTED_TRANSPORT, 6));
      assertThat(RawTurnClient.code(response)).isNotZero();
      assertThat(client.allocate().ip()).isEqualTo(LOCAL.ip());
    }
  }

  @Test
  void drainingServerMakesNoAllocationAndIsDoneWithTheLast() throws Exception {
    TurnService service = start("127.0.0.1");
    try (RawTurnClient first = new RawTurnClient(service.listeners().get(0).address(), USER);
        RawTurnClient second = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      first.allocate();
      CompletableFuture<Void> drained = service.drain();
      assertThat(RawTurnClient.code(second.allocate(builder -> {})))
          .isEqualTo(ErrorCode.INSUFFICIENT_CAPACITY);
      assertThat(drained).isNotDone();
      first.release();
      Loopback.await(drained);
    }
  }

  @Test
  void closingEndsAllocationsAndFreesThePorts() throws Exception {
    TurnService service = start("127.0.0.1");
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      TransportAddress relayed = client.allocate();
      service.close();
      service.close();
      Wait.until(() -> isFree(relayed) && isFree(service.listeners().get(0).address()));
      assertThat(events).last().isInstanceOf(TurnServerEvent.AllocationEnded.class);
    }
  }

  @Test
  void otherSettingsHoldFromThenOn() throws Exception {
    TurnService service = start("127.0.0.1");
    try (RawTurnClient first = new RawTurnClient(service.listeners().get(0).address(), USER);
        RawTurnClient second = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      first.allocate();
      service.reconfigure(
          TurnServices.configuration("127.0.0.1", 2000, builder -> builder.allocations(1000, 1)));
      assertThat(RawTurnClient.code(second.allocate(builder -> {})))
          .isEqualTo(ErrorCode.ALLOCATION_QUOTA_REACHED);
    }
  }

  @Test
  void handlerThatThrowsDoesNoHarm() throws Exception {
    TurnServiceSettings settings = TurnServiceSettings.builder(
            TurnServices.configuration("127.0.0.1", 100, builder -> {}))
        .listen(UDP)
        .build();
    TurnService service = Loopback.await(TurnService.start(runtime, settings, event -> {
      throw new IllegalStateException("on purpose");
    }));
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      client.allocate();
      assertThat(client.release()).isZero();
    }
  }

  @Test
  void listenerThatIsTakenIsSaidAndTheOthersAreFreed() throws Exception {
    try (DatagramSocket taken = Loopback.socket("127.0.0.1")) {
      TransportAddress free = LOCAL.withPort(DatagramPortTest.freePorts(1));
      TurnListener wanted =
          new TurnListener(TurnListener.Kind.UDP, LOCAL.withPort(taken.getLocalPort()));
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> Loopback.await(start(
              TurnServices.configuration("127.0.0.1", 100, builder -> {}),
              new TurnListener(TurnListener.Kind.UDP, free),
              wanted)))
          .withCauseInstanceOf(IOException.class)
          .withMessageContaining(wanted.toString())
          .withMessageContaining("in use");
      Wait.until(() -> isFree(free));
    }
  }

  @Test
  void wildcardListensOnEveryAddressOfItsFamily() throws Exception {
    int port = DatagramPortTest.freePorts(1);
    TurnService service = Loopback.await(start(
        TurnServices.configuration("127.0.0.1", 100, builder -> {}),
        TurnListener.of(TurnListener.Kind.UDP, IpAddress.ANY4, port)));
    assertThat(service.listeners())
        .extracting(TurnListener::address)
        .contains(LOCAL.withPort(port))
        .hasSameSizeAs(SystemInterfaces.INSTANCE.addresses().stream()
            .filter(address -> address.address().isIpv4())
            .toList());
  }

  @Test
  void sessionIsEndedByItsNumber() throws Exception {
    TurnService service = start("127.0.0.1");
    try (RawTurnClient client = new RawTurnClient(service.listeners().get(0).address(), USER)) {
      client.allocate();
      long session = Loopback.await(service.sessions()).get(0).id();
      assertThat(Loopback.await(service.end(session + 1))).isFalse();
      assertThat(Loopback.await(service.end(session))).isTrue();
      assertThat(Loopback.await(service.sessions())).isEmpty();
      assertThat(client.release()).isEqualTo(ErrorCode.ALLOCATION_MISMATCH);
    }
  }

  @Test
  void listenersAreOfTheTransportOfTheirKindAndTheRuntimeIsOpen() throws Exception {
    TransportAddress tcp = new TransportAddress(LOCAL.ip(), 3478, Transport.TCP);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TurnListener(TurnListener.Kind.UDP, tcp))
        .withMessage("listener 127.0.0.1:3478/tcp: UDP runs over UDP");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TurnListener(TurnListener.Kind.TCP, LOCAL));
    assertThatIllegalStateException()
        .isThrownBy(() -> start(TurnServices.configuration("127.0.0.1", 100, builder -> {})))
        .withMessageContaining("listeners");
    runtime.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> start(TurnServices.configuration("127.0.0.1", 100, builder -> {}), UDP));
  }
}
