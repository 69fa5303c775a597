package dev.frazil.lab.fuzz;

import static dev.frazil.lab.fuzz.Verify.verify;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.stun.StunUri;

/** Hostile texts as URIs; see {@link StunMessageFuzzTest} for how to run it. */
class StunUriFuzzTest {
  /** Text is a URI, or refused. */
  @FuzzTest(maxDuration = "10s")
  void uri(byte[] data) {
    String text = new String(data, UTF_8);
    try {
      StunUri uri = StunUri.parse(text);
      verify(StunUri.parse(uri.toString()).equals(uri), text);
    } catch (IllegalArgumentException e) {
      verify(e.getMessage().startsWith("STUN URI: "), e);
    }
  }
}
