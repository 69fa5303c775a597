package dev.frazil.lab.fuzz;

import static dev.frazil.lab.fuzz.Verify.verify;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.net.IpAddress;

/** Hostile texts as IP addresses; see {@link StunMessageFuzzTest} for how to run it. */
class IpAddressFuzzTest {
  /** Text is an address, or refused. */
  @FuzzTest(maxDuration = "10s")
  void address(byte[] data) {
    String text = new String(data, UTF_8);
    try {
      IpAddress address = IpAddress.parse(text);
      verify(IpAddress.parse(address.toString()).equals(address), text);
    } catch (IllegalArgumentException e) {
      verify(e.getMessage().startsWith("not an IP address"), e);
    }
  }
}
