package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.StreamFramer.Framing;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamFramerTest {
  private static byte[] random(SplittableRandom random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] stun(SplittableRandom random, int bodyLength) {
    byte[] message = random(random, 20 + bodyLength);
    ByteBuffer.wrap(message)
        .putShort((short) 0x0001)
        .putShort((short) bodyLength)
        .putInt(0x2112A442);
    return message;
  }

  private static byte[] channelData(SplittableRandom random, int length) {
    byte[] message = random(random, 4 + length);
    ByteBuffer.wrap(message).putShort((short) 0x4001).putShort((short) length);
    return message;
  }

  private static List<byte[]> messages(Framing framing, SplittableRandom random) {
    List<byte[]> messages = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      int length = random.nextInt(i % 4 == 0 ? 3000 : 40);
      messages.add(
          framing == Framing.LENGTH_PREFIX
              ? random(random, length)
              : random.nextBoolean() ? stun(random, length & ~3) : channelData(random, length));
    }
    return messages;
  }

  private static byte[] stream(Framing framing, List<byte[]> messages) {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    for (byte[] message : messages) {
      if (framing == Framing.LENGTH_PREFIX) {
        stream.write(message.length >> 8);
        stream.write(message.length);
      }
      stream.writeBytes(message);
      for (int i = message.length; framing == Framing.STUN && i % 4 != 0; i++) {
        stream.write(0xEE); // padding of any content
      }
    }
    return stream.toByteArray();
  }

  private static void feed(StreamFramer framer, byte[] bytes, List<byte[]> into) {
    ByteBuffer input = ByteBuffer.wrap(bytes);
    ByteBuffer message;
    while ((message = framer.next(input)) != null) {
      byte[] copy = new byte[message.remaining()];
      message.get(copy);
      into.add(copy);
    }
    assertThat(input.hasRemaining()).as("input is used up").isEqualTo(framer.isBroken());
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  @Tag("STUN-0450")
  void messagesComeOutWholeHoweverTheStreamIsCut(Framing framing) {
    for (long seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<byte[]> sent = messages(framing, random);
      byte[] stream = stream(framing, sent);
      StreamFramer framer = new StreamFramer(framing);
      List<byte[]> received = new ArrayList<>();
      int largest = seed == 0 ? 1 : seed == 1 ? stream.length : 1 + random.nextInt(2000);
      for (int at = 0; at < stream.length; ) {
        int length = Math.min(stream.length - at, 1 + random.nextInt(largest));
        byte[] piece = new byte[length];
        System.arraycopy(stream, at, piece, 0, length);
        feed(framer, piece, received);
        at += length;
      }
      assertThat(framer.isBroken()).isFalse();
      assertThat(received).as("seed %d", seed).hasSameSizeAs(sent);
      for (int i = 0; i < sent.size(); i++) {
        assertThat(received.get(i)).as("seed %d message %d", seed, i).isEqualTo(sent.get(i));
      }
    }
  }

  @Test
  void messageThatIsWholeIsNotCopied() {
    byte[] bytes = stun(new SplittableRandom(1), 8);
    ByteBuffer message = new StreamFramer(Framing.STUN).next(ByteBuffer.wrap(bytes));
    assertThat(message.array()).isSameAs(bytes);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x80, 0xC0, 0xFF})
  @Tag("STUN-0450")
  void firstByteThatIsNeitherStunNorChannelDataBreaksTheStream(int first) {
    StreamFramer framer = new StreamFramer(Framing.STUN);
    assertThat(framer.next(ByteBuffer.wrap(new byte[] {(byte) first}))).isNull();
    assertThat(framer.isBroken()).isTrue();
    assertThat(framer.next(ByteBuffer.wrap(stun(new SplittableRandom(1), 0)))).isNull();
  }

  @Test
  @Tag("STUN-0450")
  void wrongCookieBreaksTheStreamBeforeTheBodyCame() {
    StreamFramer framer = new StreamFramer(Framing.STUN);
    framer.next(
        ByteBuffer.wrap(new byte[] {0, 1, 0x7F, (byte) 0xFC, 0x21, 0x12, (byte) 0xA4, 0x43}));
    assertThat(framer.isBroken()).isTrue();
  }

  @Test
  @Tag("STUN-0450")
  void lengthThatIsNoMultipleOfFourBreaksTheStream() {
    StreamFramer framer = new StreamFramer(Framing.STUN);
    framer.next(ByteBuffer.wrap(new byte[] {0, 1, 0, 6, 0x21, 0x12, (byte) 0xA4, 0x42}));
    assertThat(framer.isBroken()).isTrue();
  }

  /** Regression row "stream lengths": STUN length 65520 to 65532, ChannelData 0xFFFF. */
  @Test
  void longestLengthsDoNotOverflow() {
    SplittableRandom random = new SplittableRandom(3);
    List<byte[]> sent = new ArrayList<>();
    for (int length = 65520; length <= 65532; length += 4) {
      sent.add(stun(random, length));
    }
    sent.add(channelData(random, 0xFFFF));
    sent.add(stun(random, 0));
    List<byte[]> received = new ArrayList<>();
    feed(new StreamFramer(Framing.STUN), stream(Framing.STUN, sent), received);
    assertThat(received).hasSameSizeAs(sent);
    for (int i = 0; i < sent.size(); i++) {
      assertThat(received.get(i)).isEqualTo(sent.get(i));
    }
  }

  @Test
  void messageOverTheLimitBreaksTheStream() {
    StreamFramer framer = new StreamFramer(Framing.LENGTH_PREFIX, 102);
    List<byte[]> received = new ArrayList<>();
    feed(framer, stream(Framing.LENGTH_PREFIX, List.of(new byte[100])), received);
    assertThat(framer.isBroken()).isFalse();
    feed(framer, new byte[] {0, 101}, received);
    assertThat(framer.isBroken()).isTrue();
    assertThat(received).hasSize(1);
  }

  @Test
  void emptyPrefixedMessageIsAMessage() {
    StreamFramer framer = new StreamFramer(Framing.LENGTH_PREFIX);
    ByteBuffer message = framer.next(ByteBuffer.wrap(new byte[] {0, 0}));
    assertThat(message.remaining()).isZero();
    assertThat(framer.next(ByteBuffer.allocate(0))).isNull();
  }

  @Test
  @Tag("STUN-1700")
  void claimedLengthAllocatesNothing() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    StreamFramer framer = new StreamFramer(Framing.LENGTH_PREFIX);
    byte[] claim = {(byte) 0xFF, (byte) 0xFF, 1};
    framer.next(ByteBuffer.allocate(0)); // loads what it needs
    long before = threads.getCurrentThreadAllocatedBytes();
    framer.next(ByteBuffer.wrap(claim));
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(10_000);
  }
}
