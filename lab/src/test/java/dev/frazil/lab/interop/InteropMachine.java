package dev.frazil.lab.interop;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What this machine offers for interop; a test that needs more is skipped with the reason. */
final class InteropMachine {
  private static final Optional<String> NO_NAMESPACES = Optional.ofNullable(Namespaces.missing());
  private static final Map<String, PeerProgram> PROGRAMS = new ConcurrentHashMap<>();

  private InteropMachine() {}

  /** The program of that name, ready to run here. */
  static PeerProgram program(String name) {
    NO_NAMESPACES.ifPresent(reason -> assumeTrue(false, reason));
    PeerProgram program = PROGRAMS.computeIfAbsent(name, InteropMachine::find);
    assumeTrue(program.missing() == null, program.missing());
    return program;
  }

  private static PeerProgram find(String name) {
    if (!name.equals("frazil newest")) {
      return PeerProgram.named(name);
    }
    Jdk newest = Jdk.newestLts();
    return newest.feature() > Jdk.running().feature()
        ? PeerProgram.frazil(newest)
        : new PeerProgram(name, List.of(), "no LTS JDK newer than the running one found");
  }
}
