package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.Wire.StreamWire;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnServerConfiguration;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** TCP between clients and peers (RFC 6062), over real sockets. */
class TurnPeerConnectionsTest {
  private static final int TCP = 6;

  private IceRuntime runtime = IceRuntime.create();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    runtime.close();
  }

  private <T extends AutoCloseable> T keep(T it) {
    open.add(it);
    return it;
  }

  private TurnService start() throws Exception {
    return start(Kind.TCP);
  }

  private TurnService start(Kind kind) throws Exception {
    TurnServiceSettings.Builder settings =
        TurnServices.settings("127.0.0.1", builder -> builder.tcp(true));
    settings.listen(kind, "127.0.0.1", 0);
    return Loopback.await(TurnService.start(runtime, settings.build(), event -> {}));
  }

  private RawTurnClient client(TurnService service) throws Exception {
    return keep(RawTurnClient.of(service.listeners().get(0), TurnServices.USER));
  }

  private ServerSocket listeningPeer() throws IOException {
    ServerSocket peer = keep(new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1")));
    peer.setSoTimeout((int) (Loopback.LIMIT_SECONDS * 1000));
    return peer;
  }

  private Socket accept(ServerSocket peer) throws IOException {
    Socket accepted = keep(peer.accept());
    accepted.setSoTimeout((int) (Loopback.LIMIT_SECONDS * 1000));
    return accepted;
  }

  private static TransportAddress address(ServerSocket socket) {
    return TransportAddress.udp("127.0.0.1", socket.getLocalPort());
  }

  private static TransportAddress allocate(RawTurnClient client) throws IOException {
    StunMessage response = client.request(
        Method.ALLOCATE, builder -> builder.put(AttributeType.REQUESTED_TRANSPORT, TCP));
    assertThat(RawTurnClient.code(response)).isZero();
    return response.get(AttributeType.XOR_RELAYED_ADDRESS, Transport.TCP);
  }

  private static StunMessage connect(RawTurnClient client, TransportAddress peer)
      throws IOException {
    return client.request(
        Method.CONNECT, builder -> builder.put(AttributeType.XOR_PEER_ADDRESS, peer));
  }

  private static int id(StunMessage message) {
    assertThat(RawTurnClient.code(message)).isZero();
    return message.intValue(AttributeType.CONNECTION_ID, 0);
  }

  private static int bind(RawTurnClient client, int id) throws IOException {
    return RawTurnClient.code(client.request(
        Method.CONNECTION_BIND, builder -> builder.put(AttributeType.CONNECTION_ID, id)));
  }

  private static void say(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static String hear(Socket socket, int length) throws IOException {
    return new String(socket.getInputStream().readNBytes(length), StandardCharsets.US_ASCII);
  }

  private static Socket socket(RawTurnClient client) {
    return ((StreamWire) client.wire()).socket();
  }

  private record Pipe(TurnService service, RawTurnClient control, Socket client, Socket peer) {}

  private Pipe pipe() throws Exception {
    return pipe(Kind.TCP);
  }

  private Pipe pipe(Kind kind) throws Exception {
    TurnService service = start(kind);
    RawTurnClient control = client(service);
    RawTurnClient data = client(service);
    ServerSocket listening = listeningPeer();
    allocate(control);
    int id = id(connect(control, address(listening)));
    assertThat(bind(data, id)).isZero();
    return new Pipe(service, control, socket(data), accept(listening));
  }

  @ParameterizedTest
  @MethodSource("dev.frazil.netty.Loopback#transports")
  @Tag("TURN-1410")
  @Tag("TURN-1440")
  void clientConnectsToAPeerFromTheRelayedAddress(IoTransport engine) throws Exception {
    runtime.close();
    runtime = IceRuntime.builder().transport(engine).build();
    TurnService service = start();
    RawTurnClient control = client(service);
    RawTurnClient data = client(service);
    ServerSocket listening = listeningPeer();
    TransportAddress relayed = allocate(control);
    int id = id(connect(control, address(listening)));
    Socket peer = accept(listening);
    assertThat(SocketAddresses.toTransport(
            (InetSocketAddress) peer.getRemoteSocketAddress(), 0, Transport.TCP))
        .isEqualTo(relayed);
    assertThat(RawTurnClient.code(connect(control, address(listening))))
        .isEqualTo(ErrorCode.CONNECTION_ALREADY_EXISTS);

    assertThat(bind(data, id)).isZero();
    say(socket(data), "from the client");
    assertThat(hear(peer, 15)).isEqualTo("from the client");
    say(peer, "from the peer");
    assertThat(hear(socket(data), 13)).isEqualTo("from the peer");
    assertThat(Loopback.await(service.sessions()).get(0).connections()).isEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("dev.frazil.netty.Loopback#transports")
  @Tag("TURN-1430")
  @Tag("TURN-1420")
  void peerConnectsAndWhatItSaysAtOnceWaitsForTheClient(IoTransport engine) throws Exception {
    runtime.close();
    runtime = IceRuntime.builder().transport(engine).build();
    TurnService service = start();
    RawTurnClient control = client(service);
    TransportAddress relayed = allocate(control);
    assertThat(control.permit(TransportAddress.udp("127.0.0.1", 0))).isZero();
    Socket peer = keep(new Socket("127.0.0.1", relayed.port()));
    peer.setSoTimeout((int) (Loopback.LIMIT_SECONDS * 1000));
    say(peer, "early words");
    peer.shutdownOutput();

    StunMessage attempt = StunMessage.tryParse(control.receive());
    assertThat(attempt.is(MessageClass.INDICATION, Method.CONNECTION_ATTEMPT)).isTrue();
    assertThat(attempt.get(AttributeType.XOR_PEER_ADDRESS).port()).isEqualTo(peer.getLocalPort());
    RawTurnClient data = client(service);
    assertThat(bind(data, attempt.intValue(AttributeType.CONNECTION_ID, 0))).isZero();
    byte[] early = ((StreamWire) data.wire()).bytes(11); // it may come with the response
    assertThat(early).asString(StandardCharsets.US_ASCII).isEqualTo("early words");
    assertThat(socket(data).getInputStream().read()).isEqualTo(-1);
    say(socket(data), "and back");
    assertThat(hear(peer, 8)).isEqualTo("and back");
  }

  @Test
  @Tag("TURN-1430")
  void peerWithoutPermissionIsClosedAtOnce() throws Exception {
    TurnService service = start();
    RawTurnClient control = client(service);
    TransportAddress relayed = allocate(control);
    Socket peer = keep(new Socket("127.0.0.1", relayed.port()));
    peer.setSoTimeout((int) (Loopback.LIMIT_SECONDS * 1000));
    assertThat(new StreamWire(peer).ends()).isTrue();
    assertThat(Loopback.await(service.sessions()).get(0).connections()).isZero();
  }

  @Test
  @Tag("TURN-1440")
  void bytesBehindConnectionBindGoToThePeerFirst() throws Exception {
    TurnService service = start();
    RawTurnClient control = client(service);
    RawTurnClient data = client(service);
    ServerSocket listening = listeningPeer();
    allocate(control);
    int id = id(connect(control, address(listening)));
    data.release(); // only to be challenged
    ByteBuffer request = data.message(
        Method.CONNECTION_BIND, builder -> builder.put(AttributeType.CONNECTION_ID, id));
    ByteBuffer both = ByteBuffer.allocate(request.remaining() + 5);
    data.send(both.put(request).put("first".getBytes(StandardCharsets.US_ASCII)).flip());
    assertThat(RawTurnClient.code(StunMessage.tryParse(data.receive()))).isZero();
    say(socket(data), ", then");
    assertThat(hear(accept(listening), 11)).isEqualTo("first, then");
  }

  /** More than all buffers on the way hold, so that each side has to wait for the other one. */
  @ParameterizedTest
  @MethodSource("dev.frazil.netty.Loopback#transports")
  @Tag("TURN-1450")
  void muchGoesBothWaysAtOnceWholeAndInOrderAndEachEndIsPassedOn(IoTransport engine)
      throws Exception {
    runtime.close();
    runtime = IceRuntime.builder().transport(engine).build();
    Pipe pipe = pipe();
    CompletableFuture<Void> up = sending(pipe.client(), 1);
    CompletableFuture<Void> down = sending(pipe.peer(), 2);
    Wait.until(() -> !up.isDone()); // nobody reads yet
    receive(pipe.peer(), 1);
    receive(pipe.client(), 2);
    Loopback.await(up);
    Loopback.await(down);
    Wait.until(() -> Loopback.await(pipe.service().sessions()).get(0).connections() == 0);
    assertThat(pipe.control().release()).isZero();
  }

  @Test
  @Tag("TURN-1450")
  void pipeOfATlsClientPassesBytesAndEndsOn() throws Exception {
    Pipe pipe = pipe(Kind.TLS);
    CompletableFuture<Void> up = sending(pipe.client(), 1);
    CompletableFuture<Void> down = sending(pipe.peer(), 2);
    Wait.until(() -> !up.isDone());
    receive(pipe.peer(), 1);
    receive(pipe.client(), 2);
    Loopback.await(up);
    Loopback.await(down);
    Wait.until(() -> Loopback.await(pipe.service().sessions()).get(0).connections() == 0);
  }

  private static final int MUCH = 32 * 1024 * 1024;

  private static CompletableFuture<Void> sending(Socket socket, long seed) {
    return CompletableFuture.runAsync(() -> {
      byte[] chunk = new byte[64 * 1024];
      Random random = new Random(seed);
      try {
        for (int sent = 0; sent < MUCH; sent += chunk.length) {
          random.nextBytes(chunk);
          socket.getOutputStream().write(chunk);
        }
        socket.shutdownOutput();
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    });
  }

  private static void receive(Socket socket, long seed) throws IOException {
    InputStream in = socket.getInputStream();
    byte[] expected = new byte[64 * 1024];
    Random random = new Random(seed);
    for (int got = 0; got < MUCH; got += expected.length) {
      random.nextBytes(expected);
      byte[] bytes = in.readNBytes(expected.length);
      assertThat(Arrays.equals(bytes, expected)).as(got + " + " + bytes.length).isTrue();
    }
    assertThat(in.read()).isEqualTo(-1);
  }

  @Test
  @Tag("TURN-1450")
  void brokenEndClosesTheOther() throws Exception {
    Pipe pipe = pipe();
    pipe.peer().setSoLinger(true, 0);
    pipe.peer().close();
    assertThat(new StreamWire(pipe.client()).ends()).isTrue();
    assertThat(Loopback.await(pipe.service().sessions()).get(0).connections()).isZero();
  }

  @Test
  @Tag("TURN-1450")
  void releaseOfTheAllocationClosesPipesAndFreesThePort() throws Exception {
    Pipe pipe = pipe();
    assertThat(pipe.control().release()).isZero();
    assertThat(new StreamWire(pipe.client()).ends()).isTrue();
    assertThat(new StreamWire(pipe.peer()).ends()).isTrue();
  }

  @Test
  @Tag("TURN-1450")
  void lossOfTheControlConnectionClosesPipes() throws Exception {
    Pipe pipe = pipe();
    pipe.control().close();
    assertThat(new StreamWire(pipe.client()).ends()).isTrue();
    assertThat(new StreamWire(pipe.peer()).ends()).isTrue();
  }

  @Test
  @Tag("TURN-1410")
  void peerThatListensNotIsTold() throws Exception {
    RawTurnClient control = client(start());
    allocate(control);
    int port;
    try (ServerSocket closed = new ServerSocket(0)) {
      port = closed.getLocalPort();
    }
    assertThat(RawTurnClient.code(connect(control, TransportAddress.udp("127.0.0.1", port))))
        .isEqualTo(ErrorCode.CONNECTION_TIMEOUT_OR_FAILURE);
  }

  /** CVE-2018-4058 and Slack 2020 of regressions.md; a connection without credentials. */
  @Test
  @Tag("TURN-2000")
  void peersThatMustNotBeReachedAreRefusedAndNobodyConnectsWithoutCredentials() throws Exception {
    TurnService service = start();
    RawTurnClient control = client(service);
    ServerSocket listening = listeningPeer();
    control.send(control.message(
        Method.CONNECT,
        builder -> builder.put(AttributeType.XOR_PEER_ADDRESS, address(listening))));
    assertThat(RawTurnClient.code(StunMessage.tryParse(control.receive())))
        .isEqualTo(ErrorCode.UNAUTHENTICATED);
    allocate(control);
    for (String ip : List.of("0.0.0.0", "10.0.0.1", "169.254.169.254", "224.0.0.1")) {
      assertThat(RawTurnClient.code(connect(control, TransportAddress.udp(ip, 80))))
          .as(ip)
          .isEqualTo(ErrorCode.FORBIDDEN);
    }
    assertThat(Loopback.await(service.sessions()).get(0).connections()).isZero();
  }

  /** Each has a port of its own, though connections share it with its listener. */
  @Test
  void relayedPortThatAnotherServerHasIsPassedOver() throws Exception {
    int port = DatagramPortTest.freePorts(1);
    IpAddress ip = IpAddress.parse("127.0.0.1");
    List<Integer> codes = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      TurnServiceSettings settings = TurnServiceSettings.builder(builder -> builder
              .anonymous(true)
              .tcp(true)
              .relay(new TurnServerConfiguration.Relay(ip, ip, port, port)))
          .listen(Kind.TCP, "127.0.0.1", 0)
          .build();
      TurnService service = Loopback.await(TurnService.start(runtime, settings, event -> {}));
      codes.add(RawTurnClient.code(client(service)
          .request(
              Method.ALLOCATE, builder -> builder.put(AttributeType.REQUESTED_TRANSPORT, TCP))));
    }
    assertThat(codes).containsExactly(0, ErrorCode.INSUFFICIENT_CAPACITY);
  }
}
