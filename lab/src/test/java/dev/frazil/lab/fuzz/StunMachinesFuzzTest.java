package dev.frazil.lab.fuzz;

import static dev.frazil.lab.fuzz.Verify.verify;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.ClientAuthentication;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.RoundTripTimes;
import dev.frazil.stun.ServerAuthentication;
import dev.frazil.stun.StunClient;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;

/** Hostile datagrams; see {@link StunMessageFuzzTest} for how to run it. */
class StunMachinesFuzzTest {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final FiveTuple PATH = new FiveTuple(
      TransportAddress.udp("198.51.100.1", 3478), TransportAddress.udp("192.0.2.1", 5000));
  private static final BindingServer.Discovery DISCOVERY =
      new BindingServer.Discovery(PATH.local(), TransportAddress.udp("198.51.100.2", 3479));

  /** No datagram makes a server or a client throw. */
  @FuzzTest(maxDuration = "10s")
  @Tag("STUN-1700")
  @Tag("STUN-0490")
  void machines(byte[] data) {
    Sink sink = new Sink();
    ServerAuthentication authentication = ServerAuthentication.longTerm(
        ServerAuthentication.LongTermOptions.ofRealm("example.org"),
        (username, realm, algorithm) -> username.equals("user") ? USER.key(realm, algorithm) : null,
        new SplittableRandom(1));
    for (ServerAuthentication each : new ServerAuthentication[] {null, authentication}) {
      BindingServer server = new BindingServer(
          new BindingServer.Options("frazil", true, 100, true)
              .withDiscovery(each == null ? DISCOVERY : null),
          each,
          new SplittableRandom(2),
          sink);
      server.handleDatagram(PATH, ByteBuffer.wrap(data), 0);
      long said = server.stats().answered() + server.stats().refused();
      long dropped =
          server.stats().dropped().values().stream().mapToLong(n -> n).sum();
      verify(said + dropped == 1, server.stats());
    }
    StunClient client = new StunClient(
        PATH.reversed(),
        new StunClient.Options(dev.frazil.stun.Retransmission.DEFAULT, "frazil", true, true),
        ClientAuthentication.longTerm(USER),
        new RoundTripTimes(Duration.ofMillis(500)),
        new SplittableRandom(3),
        sink);
    client.request(Method.BINDING, b -> {}, AttributeSet.of(AttributeType.XOR_MAPPED_ADDRESS), 0);
    for (int i = 0; i < 3; i++) { // a challenge, its consequence, and once more
      client.handleDatagram(PATH.reversed(), ByteBuffer.wrap(answering(data, sink.last)), 1000);
    }
  }

  /** The data as a message of the transaction under way. */
  private static byte[] answering(byte[] data, ByteBuffer request) {
    byte[] answer = data.clone();
    if (answer.length >= 20 && request.remaining() >= 20) {
      request.get(4, answer, 4, 16);
    }
    return answer;
  }

  private static final class Sink implements StunClient.Outbox {
    ByteBuffer last = ByteBuffer.allocate(0);

    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      last = ByteBuffer.allocate(header.remaining()).put(header).flip();
      StunMessage sent = StunMessage.tryParse(last);
      verify(
          sent != null || last.getShort(0) == 0x0101 || last.getShort(0) == 0x0111,
          "sent what is not STUN");
      verify(sent == null || sent.messageClass() != MessageClass.INDICATION, "sent an indication");
    }

    @Override
    public void answered(StunClient.Request request, StunMessage response) {}

    @Override
    public void failed(
        StunClient.Request request, StunClient.Failure failure, @Nullable StunMessage response) {}
  }
}
