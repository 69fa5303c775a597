package dev.frazil.lab.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.ClientAuthentication;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.RoundTripTimes;
import dev.frazil.stun.ServerAuthentication;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.StunUri;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;

/**
 * Hostile bytes and texts. A plain test run replays the inputs under {@code src/test/resources}; with the environment
 * variable {@code JAZZER_FUZZ=1} one method, named by {@code -Dtest}, looks for new ones.
 */
class StunFuzzTest {
  private static final IntegrityKey KEY = IntegrityKey.shortTerm("VOkJxbRl1RmTxUk/WvJxBt");
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final List<AttributeType<Object>> TYPES = types();
  private static final FiveTuple PATH = new FiveTuple(
      TransportAddress.udp("198.51.100.1", 3478), TransportAddress.udp("192.0.2.1", 5000));

  private static final ByteBuffer OUT = ByteBuffer.allocate(200_000);
  private static final ByteBuffer DIRECT = ByteBuffer.allocateDirect(200_000);

  @SuppressWarnings("unchecked")
  private static List<AttributeType<Object>> types() {
    return Arrays.stream(AttributeType.class.getFields())
        .filter(field -> field.getType() == AttributeType.class)
        .map(field -> {
          try {
            return (AttributeType<Object>) field.get(null);
          } catch (IllegalAccessException e) {
            throw new AssertionError(e);
          }
        })
        .toList();
  }

  private static void verify(boolean condition, Object what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }

  /** Parses, reads everything, and writes what was read once more. */
  @FuzzTest(maxDuration = "60s")
  @Tag("STUN-1700")
  @Tag("STUN-0010")
  void message(byte[] data) {
    ByteBuffer bytes = ByteBuffer.wrap(data);
    StunMessage message = StunMessage.tryParse(bytes);
    verify(bytes.position() == 0 && bytes.limit() == data.length, "the buffer was moved");
    if (message == null || data.length > 100_000) {
      return;
    }
    verify(message.bytes().equals(bytes), "other bytes");
    verify(
        message.unknownRequired(AttributeSet.of()).length <= data.length / 4, "unknown attributes");
    verify(!message.toString().isEmpty(), "text");
    StunBuilder builder = StunBuilder.message(
        message.messageClass(), message.method(), message.transactionId(), OUT.clear());
    for (AttributeType<Object> type : TYPES) {
      Object value = message.get(type);
      verify((value == null) == (!message.has(type) || message.isMalformed(type)), type);
      verify(message.all(type).isEmpty() || message.has(type), type);
      put(builder, type, value);
    }
    message.verifyIntegrity(KEY, 16);
    message.hasValidFingerprint();
    rebuilt(message, builder);
    direct(message, data);
  }

  private static boolean isSeal(AttributeType<?> type) {
    return type == AttributeType.MESSAGE_INTEGRITY
        || type == AttributeType.MESSAGE_INTEGRITY_SHA256
        || type == AttributeType.FINGERPRINT;
  }

  private static boolean isTooLongToSend(@Nullable Object value) {
    String text =
        value instanceof String s ? s : value instanceof ErrorCode error ? error.reason() : "";
    return text.codePointCount(0, text.length()) > 127 || text.getBytes(UTF_8).length > 508;
  }

  private static void put(StunBuilder builder, AttributeType<Object> type, @Nullable Object value) {
    if (value != null && !isSeal(type) && !isTooLongToSend(value)) {
      builder.put(type, value);
    }
  }

  private static void rebuilt(StunMessage message, StunBuilder builder) {
    if (message.bytes().remaining() > 30_000) {
      return; // what is written may be longer: nothing is shared
    }
    ByteBuffer out = builder.integrity(KEY).integritySha256(KEY).fingerprint().finish();
    StunMessage copy =
        Objects.requireNonNull(StunMessage.tryParse(out), "what was written is not STUN");
    verify(copy.verifyIntegrity(KEY), "integrity");
    verify(copy.hasValidFingerprint(), "fingerprint");
    verify(
        copy.method() == message.method() && copy.messageClass() == message.messageClass(), "type");
    verify(copy.transactionId().equals(message.transactionId()), "transaction ID");
    for (AttributeType<Object> type : TYPES) {
      Object value = message.get(type);
      if (value != null && !isSeal(type) && !isTooLongToSend(value)) {
        verify(
            Objects.deepEquals(copy.get(type), value),
            type + ": " + value + " became " + copy.get(type));
      }
    }
  }

  /** The same bytes in a direct buffer say the same. */
  private static void direct(StunMessage message, byte[] data) {
    ByteBuffer direct = DIRECT.clear().position(1).put(data).flip().position(1);
    StunMessage same =
        Objects.requireNonNull(StunMessage.tryParse(direct), "not STUN in a direct buffer");
    verify(
        same.hasValidFingerprint() == message.hasValidFingerprint(),
        "fingerprint in a direct buffer");
    verify(
        same.verifyIntegrity(KEY, 16) == message.verifyIntegrity(KEY, 16),
        "integrity in a direct buffer");
    verify(same.copy().bytes().equals(message.bytes()), "copy");
  }

  /** No datagram makes a server or a client throw. */
  @FuzzTest(maxDuration = "60s")
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
          new BindingServer.Options("frazil", true, 100, true),
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
        StunClient.Request request, StunClient.Failure failure, @Nullable ErrorCode error) {}
  }

  /** Text is an address, or refused. */
  @FuzzTest(maxDuration = "60s")
  void address(byte[] data) {
    String text = new String(data, UTF_8);
    try {
      IpAddress address = IpAddress.parse(text);
      verify(IpAddress.parse(address.toString()).equals(address), text);
    } catch (IllegalArgumentException e) {
      verify(e.getMessage().startsWith("not an IP address"), e);
    }
  }

  /** Text is a URI, or refused. */
  @FuzzTest(maxDuration = "60s")
  void uri(byte[] data) {
    String text = new String(data, UTF_8);
    try {
      StunUri uri = StunUri.parse(text);
      verify(StunUri.parse(uri.toString()).equals(uri), text);
    } catch (IllegalArgumentException e) {
      verify(e.getMessage().startsWith("STUN URI: "), e);
    }
  }

  /** Text is a password, or refused. */
  @FuzzTest(maxDuration = "60s")
  void password(byte[] data) {
    try {
      LongTermCredential once = new LongTermCredential("user", new String(data, UTF_8));
      LongTermCredential twice = new LongTermCredential("user", once.password());
      verify(once.equals(twice), "not idempotent: " + once.password());
    } catch (IllegalArgumentException e) {
      verify(e.getMessage().startsWith("password"), e);
    }
  }
}
