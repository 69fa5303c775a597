package dev.frazil.netty;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.Role;
import dev.frazil.net.IpAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What tests of sessions over the loopback interface share. */
final class Loopback {
  static final long LIMIT_SECONDS = 30;

  private Loopback() {}

  static InterfaceAddress address(String ip) {
    return new InterfaceAddress("lo", IpAddress.parse(ip), 8, InterfaceAddress.Flags.LOOPBACK);
  }

  /** Only 127.0.0.1, whatever the machine has. */
  static InterfaceProvider interfaces() {
    return () -> List.of(address("127.0.0.1"));
  }

  static IceSessionBuilder session(IceRuntime runtime, Role role) {
    return IceSession.builder(runtime).role(role).loopback(true).interfaces(interfaces());
  }

  static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  /** Tells a session what another one says; events go on to {@code further}. */
  static Consumer<IceEvent> signalling(Lazy<IceSession> to, Consumer<IceEvent> further) {
    return event -> {
      if (event instanceof IceEvent.CandidateGathered found) {
        to.get().addRemoteCandidate(found.stream(), found.ufrag(), found.candidate());
      } else if (event instanceof IceEvent.GatheringComplete complete) {
        to.get().endOfRemoteCandidates(complete.stream(), complete.ufrag());
      } else if (event instanceof IceEvent.Restarted restarted) {
        to.get().setRemote(restarted.stream(), restarted.local());
      }
      further.accept(event);
    };
  }

  /** Something that is set later than it is referred to. */
  static final class Lazy<T> {
    private volatile T value;

    void set(T it) {
      value = it;
    }

    T get() {
      return value;
    }
  }
}
