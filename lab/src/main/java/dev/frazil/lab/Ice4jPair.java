package dev.frazil.lab;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.LogManager;
import org.ice4j.ice.Agent;
import org.ice4j.ice.Component;
import org.ice4j.ice.IceMediaStream;
import org.ice4j.ice.IceProcessingState;
import org.ice4j.ice.KeepAliveStrategy;
import org.ice4j.ice.LocalCandidate;
import org.ice4j.ice.RemoteCandidate;
import org.jspecify.annotations.Nullable;

/**
 * Two agents of ice4j, on one IPv4 address of this machine: ice4j uses no loopback address, but the kernel carries what
 * a machine sends to itself over the loopback interface all the same.
 */
final class Ice4jPair implements AgentPair {
  private final CompletableFuture<Void> delivered = new CompletableFuture<>();
  private final Side left;
  private final Side right;

  /**
   * Two agents.
   *
   * @param receiving whether to wait for payloads, for which each side needs a thread of its own
   */
  Ice4jPair(boolean receiving) {
    left = new Side(true, receiving);
    right = new Side(false, receiving);
  }

  /** Confines ice4j to one address; false when the machine has none that ice4j would use. Comes before all else. */
  static boolean prepare() throws SocketException {
    Optional<InetAddress> address = NetworkInterface.networkInterfaces()
        .filter(Ice4jPair::isUsable)
        .flatMap(NetworkInterface::inetAddresses)
        .filter(Inet4Address.class::isInstance)
        .findFirst();
    address.ifPresent(
        it -> System.setProperty("ice4j.harvest.allowed-addresses.0", it.getHostAddress()));
    // Nothing here asks a cloud's metadata service.
    System.setProperty("ice4j.harvest.mapping.aws.enabled", "false");
    silence();
    return address.isPresent();
  }

  /** It logs what it could not do while it closes. */
  static void silence() {
    LogManager.getLogManager().getLogger("").setLevel(Level.OFF);
  }

  private static boolean isUsable(NetworkInterface each) {
    try {
      return each.isUp() && !each.isLoopback() && !each.isVirtual();
    } catch (SocketException e) {
      return false;
    }
  }

  @Override
  public void start() throws IOException {
    left.gather();
    right.gather();
    left.learn(right);
    right.learn(left);
    left.agent.startConnectivityEstablishment();
    right.agent.startConnectivityEstablishment();
  }

  @Override
  public CompletableFuture<Void> selected() {
    return CompletableFuture.allOf(left.completed, right.completed);
  }

  @Override
  public CompletableFuture<Void> delivered() {
    return delivered;
  }

  @Override
  public void close() {
    left.agent.free();
    right.agent.free();
  }

  private final class Side {
    final Agent agent = new Agent();
    final IceMediaStream stream = agent.createMediaStream("data");
    final CompletableFuture<Void> completed = new CompletableFuture<>();
    private final boolean receiving;
    private @Nullable Component component;

    Side(boolean controlling, boolean receiving) {
      this.receiving = receiving;
      agent.setControlling(controlling);
      agent.addStateChangeListener(event -> {
        if (event.getNewValue() == IceProcessingState.COMPLETED) {
          completed.complete(null);
        } else if (event.getNewValue() == IceProcessingState.FAILED) {
          completed.completeExceptionally(new IOException("ice4j failed"));
        }
      });
    }

    void gather() throws IOException {
      Component created = agent.createComponent(stream, KeepAliveStrategy.SELECTED_ONLY, true);
      component = created;
      if (receiving) {
        stream.addPairChangeListener(event -> {
          if (IceMediaStream.PROPERTY_PAIR_VALIDATED.equals(event.getPropertyName())) {
            send(created);
          }
        });
        Thread thread = new Thread(() -> receive(created), "receive");
        thread.setDaemon(true);
        thread.start();
      }
    }

    void learn(Side peer) {
      stream.setRemoteUfrag(peer.agent.getLocalUfrag());
      stream.setRemotePassword(peer.agent.getLocalPassword());
      Component own = Objects.requireNonNull(component);
      List<LocalCandidate> candidates = Objects.requireNonNull(peer.component).getLocalCandidates();
      for (LocalCandidate each : candidates) {
        own.addRemoteCandidate(new RemoteCandidate(
            each.getTransportAddress(),
            own,
            each.getType(),
            each.getFoundation(),
            each.getPriority(),
            null));
      }
    }

    private void send(Component through) {
      try {
        through.send(new byte[1], 0, 1);
      } catch (IOException e) {
        // The other side's may arrive.
      }
    }

    private void receive(Component from) {
      try {
        from.getSocket().receive(new DatagramPacket(new byte[1], 1));
        delivered.complete(null);
      } catch (IOException e) {
        // The agent was freed.
      }
    }
  }
}
