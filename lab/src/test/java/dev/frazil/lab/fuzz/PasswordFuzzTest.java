package dev.frazil.lab.fuzz;

import static dev.frazil.lab.fuzz.Verify.verify;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.stun.LongTermCredential;

/** Hostile texts as passwords; see {@link StunMessageFuzzTest} for how to run it. */
class PasswordFuzzTest {
  /** Text is a password, or refused. */
  @FuzzTest(maxDuration = "10s")
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
