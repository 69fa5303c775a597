package dev.frazil.lab.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.net.StreamFramer;
import dev.frazil.net.StreamFramer.Framing;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;

/** A byte stream is cut into the same messages however it arrives; see {@link StunMessageFuzzTest} for how to run it. */
class StreamFuzzTest {
  @FuzzTest(maxDuration = "10s")
  @Tag("STUN-0450")
  void stream(byte[] data) {
    if (data.length < 2) {
      return;
    }
    byte[] stream = Arrays.copyOfRange(data, 1, data.length);
    for (Framing framing : Framing.values()) {
      StreamFramer whole = new StreamFramer(framing);
      StreamFramer cut = new StreamFramer(framing);
      List<ByteBuffer> expected = feed(whole, stream, stream.length);
      List<ByteBuffer> actual = feed(cut, stream, 1 + (data[0] & 0xFF));
      if (!expected.equals(actual) || whole.isBroken() != cut.isBroken()) {
        throw new AssertionError(
            framing + ": " + expected.size() + " messages, " + actual.size() + " in pieces");
      }
    }
  }

  private static List<ByteBuffer> feed(StreamFramer framer, byte[] stream, int piece) {
    List<ByteBuffer> messages = new ArrayList<>();
    for (int at = 0; at < stream.length && !framer.isBroken(); at += piece) {
      ByteBuffer input =
          ByteBuffer.wrap(Arrays.copyOfRange(stream, at, Math.min(stream.length, at + piece)));
      ByteBuffer message;
      while ((message = framer.next(input)) != null) {
        messages.add(ByteBuffer.allocate(message.remaining()).put(message).flip());
      }
      if (input.hasRemaining() && !framer.isBroken()) {
        throw new AssertionError("input is left over");
      }
    }
    return messages;
  }
}
