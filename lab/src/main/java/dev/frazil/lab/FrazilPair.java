package dev.frazil.lab;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.Role;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.IceSession;
import dev.frazil.netty.InterfaceProvider;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** Two sessions of Frazil, on 127.0.0.1 alone, that trickle. */
final class FrazilPair implements AgentPair {
  private static final InterfaceAddress LOCALHOST =
      new InterfaceAddress("lo", IpAddress.parse("127.0.0.1"), 8, InterfaceAddress.Flags.LOOPBACK);
  private static final InterfaceProvider INTERFACES = () -> List.of(LOCALHOST);

  private final CompletableFuture<Void> delivered = new CompletableFuture<>();
  private final IceSession left;
  private final IceSession right;

  FrazilPair(IceRuntime runtime) {
    left = session(runtime, Role.CONTROLLING, this::right);
    right = session(runtime, Role.CONTROLLED, this::left);
  }

  private IceSession session(IceRuntime runtime, Role role, Supplier<IceSession> peer) {
    return IceSession.builder(runtime)
        .role(role)
        .loopback(true)
        .interfaces(INTERFACES)
        .onEvent(event -> signal(event, peer.get()))
        .onData((stream, component, payload) -> delivered.complete(null))
        .build();
  }

  private static void signal(IceEvent event, IceSession peer) {
    if (event instanceof IceEvent.CandidateGathered found) {
      peer.addRemoteCandidate(found.stream(), found.ufrag(), found.candidate());
    } else if (event instanceof IceEvent.GatheringComplete complete) {
      peer.endOfRemoteCandidates(complete.stream(), complete.ufrag());
    }
  }

  private IceSession left() {
    return left;
  }

  private IceSession right() {
    return right;
  }

  @Override
  public void start() {
    left.connected().thenRun(() -> left.send(ByteBuffer.allocate(1)));
    right.connected().thenRun(() -> right.send(ByteBuffer.allocate(1)));
    left.setRemote(0, right.localParameters(0));
    right.setRemote(0, left.localParameters(0));
    left.start();
    right.start();
  }

  @Override
  public CompletableFuture<Void> selected() {
    return CompletableFuture.allOf(left.completed(), right.completed());
  }

  @Override
  public CompletableFuture<Void> delivered() {
    return delivered;
  }

  @Override
  public void close() {
    left.close();
    right.close();
    left.closed().join();
    right.closed().join();
  }
}
