package dev.frazil.lab.flood;

import java.io.IOException;
import java.util.function.BooleanSupplier;

/** What strangers, or users of ill will, do to a server. */
enum Flood {
  NOTHING("no flood", (target, goesOn) -> 0),
  SPOOFED_ALLOCATES("Allocates from 2,000 addresses, no credentials", DatagramFloods::allocates),
  GUESSED_PASSWORDS("Allocates with a wrong password", DatagramFloods::guesses),
  GARBAGE("random datagrams", DatagramFloods::garbage),
  DTLS_HELLOS("DTLS hellos from 2,000 addresses", DatagramFloods::hellos),
  HALF_OPEN_STREAMS("TCP connections that say nothing", StreamFloods::silent),
  SLOW_HANDSHAKES("TLS handshakes, a byte a second", StreamFloods::slowHandshakes),
  SLOW_READERS("TCP clients that do not read", StreamFloods::slowReaders),
  PERMISSIONS_AND_CHANNELS("a user's permissions and channels", DatagramFloods::permissions);

  /** Does it until told to stop. */
  @FunctionalInterface
  interface Way {
    /** Returns how many datagrams or connections it was. */
    long run(Target target, BooleanSupplier goesOn) throws IOException;
  }

  final String words;

  @SuppressWarnings("ImmutableEnumChecker") // method references that hold nothing
  private final Way way;

  Flood(String words, Way way) {
    this.words = words;
    this.way = way;
  }

  long run(Target target, BooleanSupplier goesOn) throws IOException {
    return way.run(target, goesOn);
  }
}
