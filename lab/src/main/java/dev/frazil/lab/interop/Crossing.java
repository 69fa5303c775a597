package dev.frazil.lab.interop;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Two peers crossed: each on its own host of a test network, the signalling lines of each copied to the other.
 *
 * <p>Closing it ends both processes and removes the network, whatever happened before.
 */
final class Crossing implements AutoCloseable {
  private final Plan plan;
  private final Transcript transcript;
  private final TestNetwork network;
  private final ScheduledExecutorService signalling =
      Executors.newSingleThreadScheduledExecutor(Crossing::thread);
  private @Nullable Peer stun;
  private @Nullable Peer capture;
  private @Nullable Peer left;
  private @Nullable Peer right;

  /**
   * Builds the network, starts both peers and lets them begin.
   *
   * @param live whether the transcript is printed as it grows
   */
  static Crossing begin(Plan plan, boolean live) {
    return begin(plan, live, null);
  }

  /** Likewise; what crosses the segment goes to a file, if one is given (each packet twice: coming and going). */
  static Crossing begin(Plan plan, boolean live, @Nullable Path pcap) {
    Crossing crossing = new Crossing(plan, new Transcript(live));
    try {
      if (pcap != null) {
        crossing.capture(pcap);
      }
      crossing.startPeers();
      return crossing;
    } catch (RuntimeException failure) {
      crossing.close();
      throw failure;
    }
  }

  private Crossing(Plan plan, Transcript transcript) {
    this.plan = plan;
    this.transcript = transcript;
    network = new TestNetwork(plan.left().nat(), plan.right().nat(), plan.families());
  }

  private void startPeers() {
    PeerProgram server =
        plan.relay() == null && plan.withStun() ? PeerProgram.stunServer() : plan.relay();
    if (server != null) {
      stun = Peer.start(server.name(), network.segment(), server.command(), transcript);
    }
    left = startPeer("left", plan.left(), network.left());
    right = startPeer("right", plan.right(), network.right());
    if (stun != null) {
      stun.awaitHello();
    }
    left.awaitHello();
    right.awaitHello();
    connect(left, right);
  }

  /** Copies signalling both ways, and lets both begin before either hears of the other. */
  private void connect(Peer one, Peer other) {
    one.onSignalling(new SignallingPath(plan.left().signalling(), other, signalling)::handle);
    other.onSignalling(new SignallingPath(plan.right().signalling(), one, signalling)::handle);
    signalling.execute(() -> {
      one.send("{\"type\":\"start\"}");
      other.send("{\"type\":\"start\"}");
    });
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "signalling");
    thread.setDaemon(true);
    return thread;
  }

  private Peer startPeer(String name, Side side, TestNetwork.Host host) {
    PeerArguments arguments =
        plan.withStun() ? side.arguments().withStun(network.stunServers()) : side.arguments();
    List<String> command = new java.util.ArrayList<>(side.program().command());
    command.addAll(arguments.toCommandLine());
    return Peer.start(name, host.namespace(), command, transcript);
  }

  private void capture(Path file) {
    List<String> tcpdump =
        List.of("tcpdump", "-Z", "root", "-i", "any", "-U", "-w", file.toString());
    capture = Peer.start("pcap", network.segment(), tcpdump, transcript);
  }

  Peer left() {
    return Objects.requireNonNull(left);
  }

  Peer right() {
    return Objects.requireNonNull(right);
  }

  Plan plan() {
    return plan;
  }

  TestNetwork network() {
    return network;
  }

  Transcript transcript() {
    return transcript;
  }

  /**
   * Waits until both have completed and the senders among them have echoed, or have failed; false when one has ended or
   * the time is over before.
   */
  boolean awaitDone(Duration limit) {
    return await(limit, (left, right) -> isDone(plan.left(), left) && isDone(plan.right(), right));
  }

  /** Waits until both reports together are as asked for; false when one has ended or the time is over before. */
  boolean await(Duration limit, BiPredicate<PeerReport, PeerReport> condition) {
    transcript.await(
        limit,
        () -> condition.test(left().report(), right().report())
            || left().report().ended()
            || right().report().ended());
    return condition.test(left().report(), right().report());
  }

  private static boolean isDone(Side side, PeerReport report) {
    boolean sends = side.arguments().controlling() && side.arguments().count() > 0;
    return report.hasState("failed")
        || report.hasState("completed") && (!sends || report.has("echo"));
  }

  /** Stops both peers and waits for their end. */
  void stop() {
    left().stop();
    right().stop();
  }

  @Override
  public void close() {
    signalling.shutdownNow();
    for (Peer peer : new @Nullable Peer[] {left, right, stun, capture}) {
      if (peer != null) {
        peer.close();
      }
    }
    network.close();
  }

  /**
   * One side of a crossing.
   *
   * @param nat what stands before its host
   * @param signalling how what it says reaches the other side
   */
  record Side(PeerProgram program, PeerArguments arguments, Nat nat, Signalling signalling) {
    /** A side whose words reach the other at once. */
    Side(PeerProgram program, PeerArguments arguments, Nat nat) {
      this(program, arguments, nat, Signalling.PROMPT);
    }
  }

  /**
   * What is crossed, and where.
   *
   * @param withStun whether a STUN server runs and both are told of it
   * @param relay the TURN server that runs in its place; null for none
   */
  record Plan(
      Side left,
      Side right,
      Set<TestNetwork.Family> families,
      boolean withStun,
      @Nullable PeerProgram relay) {}
}
