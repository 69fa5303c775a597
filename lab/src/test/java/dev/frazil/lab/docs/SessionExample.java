package dev.frazil.lab.docs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.IceSession;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The session that the README shows; a test runs both of its ends. */
final class SessionExample {
  /** What an application brings with it: some way to pass a few short texts to the other end. */
  interface Signalling {
    /** Tells the other end who we are. */
    void tellParameters(IceParameters local);

    /** Tells the other end where we might be reached. */
    void tellCandidate(String line);

    /** Calls back with what the other end tells; also with what it told before. */
    void listen(Consumer<IceParameters> parameters, Consumer<String> candidates);
  }

  private SessionExample() {}

  // begin README
  static String meet(Role role, StunServer stun, Signalling other) throws Exception {
    try (IceRuntime runtime = IceRuntime.create(); // one for the whole application
        IceSession session = IceSession.builder(runtime)
            .role(role) // CONTROLLING at one end, CONTROLLED at the other
            .stunServers(List.of(stun)) // new StunServer("stun.example.org", 3478)
            .loopback(true) // for a first try on one machine
            .onEvent(event -> {
              if (event instanceof IceEvent.CandidateGathered gathered) {
                other.tellCandidate(gathered.candidate().toLine());
              }
            })
            .build()) {
      other.tellParameters(session.localParameters(0));
      other.listen(
          remote -> session.setRemote(0, remote),
          line -> Optional.ofNullable(Candidate.parse(line)) // empty when of an unknown kind
              .ifPresent(candidate -> session.addRemoteCandidate(0, null, candidate)));
      session.start();
      session.connected().get(40, SECONDS); // or an IceException that says why not
      session.send(UTF_8.encode("hello from " + role));
      ByteBuffer received = ByteBuffer.allocate(1500);
      session.receive(received, Duration.ofSeconds(5));
      return UTF_8.decode(received.flip()).toString();
    }
  }
  // end README
}
