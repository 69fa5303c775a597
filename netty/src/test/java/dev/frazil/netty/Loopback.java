package dev.frazil.netty;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.Role;
import dev.frazil.net.IpAddress;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** What tests of sessions over the loopback interface share. */
final class Loopback {
  static final long LIMIT_SECONDS = 30;

  private Loopback() {}

  /** All that this machine has. */
  static Stream<IoTransport> transports() {
    return DatagramPortTest.transports().map(engine -> IoTransport.valueOf(engine.name()));
  }

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

  /** A blocking socket on a port of the system's choice. */
  static DatagramSocket socket(String ip) throws IOException {
    DatagramSocket socket = new DatagramSocket(new InetSocketAddress(ip, 0));
    socket.setSoTimeout((int) (LIMIT_SECONDS * 1000));
    return socket;
  }

  static DatagramPacket receive(DatagramSocket socket) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[4000], 4000);
    socket.receive(packet);
    return packet;
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
