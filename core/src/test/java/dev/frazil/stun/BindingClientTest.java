package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class BindingClientTest {
  private static final TransportAddress MAPPED = TransportAddress.udp("203.0.113.7", 40000);
  private static final FiveTuple PATH = new FiveTuple(
      TransportAddress.udp("192.0.2.1", 5000), TransportAddress.udp("198.51.100.1", 3478));

  private static final class Answers implements BindingClient.Outbox {
    final List<ByteBuffer> sent = new ArrayList<>();
    final List<TransportAddress> mapped = new ArrayList<>();
    final List<StunClient.Failure> failures = new ArrayList<>();

    @Nullable ErrorCode error;

    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      sent.add(ByteBuffer.allocate(header.remaining()).put(header).flip());
    }

    @Override
    public void mapped(TransportAddress address, StunMessage response) {
      mapped.add(address);
    }

    @Override
    public void failed(StunClient.Failure failure, @Nullable ErrorCode code) {
      failures.add(failure);
      error = code;
    }
  }

  private final Answers answers = new Answers();
  private BindingClient client;

  private BindingClient client(FiveTuple path) {
    RoundTripTimes roundTrips = new RoundTripTimes(Duration.ofMillis(500));
    return new BindingClient(
        path,
        StunClient.Options.DEFAULT,
        ClientAuthentication.none(),
        roundTrips,
        new Random(1),
        answers);
  }

  @BeforeEach
  void start() {
    client = client(PATH);
    client.start(0);
  }

  private ByteBuffer response(MessageClass messageClass, Consumer<StunBuilder> attributes) {
    TransactionId id = StunMessage.tryParse(answers.sent.get(0)).transactionId();
    StunBuilder builder =
        StunBuilder.message(messageClass, Method.BINDING, id, ByteBuffer.allocate(500));
    attributes.accept(builder);
    return builder.finish();
  }

  private void respond(Consumer<StunBuilder> attributes) {
    client.handleDatagram(PATH, response(MessageClass.SUCCESS, attributes), 0);
  }

  @Test
  @Tag("STUN-0470")
  void clientLearnsItsMappedAddressFromTheServer() {
    BindingServer server =
        new BindingServer(BindingServer.Options.DEFAULT, null, new Random(2), answers);
    assertThat(answers.sent.get(0).remaining()).isLessThan(548);
    server.handleDatagram(new FiveTuple(PATH.remote(), MAPPED), answers.sent.get(0), 0);
    client.handleDatagram(PATH, answers.sent.get(1), 0);
    assertThat(answers.mapped).containsExactly(MAPPED);
    assertThat(client.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  @Tag("STUN-1040")
  void serverOfRfc3489IsUnderstood() {
    AttributeType<TransportAddress> source = AttributeType.ofAddress(0x0004, "SOURCE-ADDRESS");
    AttributeType<TransportAddress> changed = AttributeType.ofAddress(0x0005, "CHANGED-ADDRESS");
    AttributeType<TransportAddress> reflected = AttributeType.ofAddress(0x000B, "REFLECTED-FROM");
    AttributeType<TransportAddress> response = AttributeType.ofAddress(0x0002, "RESPONSE-ADDRESS");
    respond(b -> b.put(AttributeType.MAPPED_ADDRESS, MAPPED)
        .put(source, PATH.remote())
        .put(changed, PATH.remote())
        .put(reflected, PATH.remote())
        .put(response, PATH.remote()));
    assertThat(answers.mapped).containsExactly(MAPPED);
  }

  @Test
  @Tag("STUN-1040")
  void xoredAddressIsPreferred() {
    respond(b -> b.put(AttributeType.MAPPED_ADDRESS, MAPPED.withPort(1))
        .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED));
    assertThat(answers.mapped).containsExactly(MAPPED);
  }

  @Test
  @Tag("STUN-0520")
  void successWithoutAnAddressIsNoSuccess() {
    respond(b ->
        b.put(AttributeType.ofBytes(0x0020, "XOR-MAPPED-ADDRESS", 0, 0), ByteBuffer.allocate(0)));
    assertThat(answers.failures).containsExactly(StunClient.Failure.BAD_RESPONSE);
  }

  @Test
  void alternateServerInAnErrorGoesNowhere() {
    client.handleDatagram(
        PATH,
        response(
            MessageClass.ERROR,
            b -> b.put(AttributeType.ERROR_CODE, ErrorCode.of(300))
                .put(AttributeType.ALTERNATE_SERVER, MAPPED)),
        0);
    assertThat(answers.failures).containsExactly(StunClient.Failure.ERROR_RESPONSE);
    assertThat(answers.error).isEqualTo(ErrorCode.of(300));
    assertThat(answers.sent).hasSize(1);
  }

  @Test
  void deadServerTimesOut() {
    while (client.nextTimeout() != ProtocolMachine.NEVER) {
      client.handleTimeout(client.nextTimeout());
    }
    assertThat(answers.sent).hasSize(7);
    assertThat(answers.failures).containsExactly(StunClient.Failure.TIMEOUT);
  }

  @Test
  @Tag("STUN-0430")
  void unreachableServerFailsAtOnce() {
    client.handleUnreachable(0);
    assertThat(answers.failures).containsExactly(StunClient.Failure.UNREACHABLE);
  }

  @Test
  void mappedAddressOfAStreamIsOfTcp() {
    TransportAddress local = new TransportAddress(PATH.local().ip(), 5000, Transport.TCP);
    FiveTuple path =
        new FiveTuple(local, new TransportAddress(PATH.remote().ip(), 3478, Transport.TCP));
    answers.sent.clear();
    client = client(path);
    client.start(0);
    client.handleDatagram(
        path,
        response(MessageClass.SUCCESS, b -> b.put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED)),
        0);
    assertThat(answers.mapped)
        .containsExactly(new TransportAddress(MAPPED.ip(), MAPPED.port(), Transport.TCP));
  }
}
