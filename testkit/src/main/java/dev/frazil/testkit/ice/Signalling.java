package dev.frazil.testkit.ice;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import dev.frazil.testkit.VirtualInternet;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.function.ObjIntConsumer;
import java.util.function.Supplier;

/**
 * Tells each of two agents what the other says: parameters, candidates, end-of-candidates, restarts.
 *
 * <p>Items may be delayed, overtake each other and come twice on the way; they are handed over once and in order, tied
 * to their generation, as RFC 8838 9 demands of a protocol that uses ICE.
 */
public final class Signalling {
  private final VirtualInternet net;
  private final VirtualAgent left;
  private final VirtualAgent right;
  private final Supplier<Duration> delay;
  private final BooleanSupplier twice;
  private final Inbox toLeft = new Inbox();
  private final Inbox toRight = new Inbox();
  private ObjIntConsumer<VirtualAgent> parametersListener = (to, stream) -> {};

  private Signalling(
      VirtualInternet net,
      VirtualAgent left,
      VirtualAgent right,
      Supplier<Duration> delay,
      BooleanSupplier twice) {
    this.net = net;
    this.left = left;
    this.right = right;
    this.delay = delay;
    this.twice = twice;
  }

  /**
   * Connects two agents; call it before they start. Parameters go out with {@link #begin}.
   *
   * @param delay asked for each item how long it takes
   */
  public static Signalling connect(
      VirtualInternet net, VirtualAgent left, VirtualAgent right, Supplier<Duration> delay) {
    return connect(net, left, right, delay, () -> false);
  }

  /**
   * Connects two agents; call it before they start.
   *
   * @param delay asked for each item how long it takes
   * @param twice asked for each item whether it comes twice
   */
  public static Signalling connect(
      VirtualInternet net,
      VirtualAgent left,
      VirtualAgent right,
      Supplier<Duration> delay,
      BooleanSupplier twice) {
    Signalling signalling = new Signalling(net, left, right, delay, twice);
    left.onEvent(event -> signalling.handle(right, event));
    right.onEvent(event -> signalling.handle(left, event));
    return signalling;
  }

  /** Tells somebody which agent was just handed the parameters of the current generation of which stream. */
  public void onParameters(ObjIntConsumer<VirtualAgent> listener) {
    parametersListener = listener;
  }

  /** Sends both sides' parameters of every stream; both agents have been started. */
  public void begin(int streams) {
    for (int stream = 0; stream < streams; stream++) {
      tell(right, stream, 0, left.agent().localParameters(stream));
      tell(left, stream, 0, right.agent().localParameters(stream));
    }
  }

  private void handle(VirtualAgent to, IceEvent event) {
    if (event instanceof IceEvent.CandidateGathered gathered) {
      int stream = gathered.stream();
      deliver(
          to,
          now ->
              to.agent().addRemoteCandidate(stream, gathered.ufrag(), gathered.candidate(), now));
    } else if (event instanceof IceEvent.GatheringComplete complete) {
      int stream = complete.stream();
      deliver(to, now -> to.agent().endOfRemoteCandidates(stream, complete.ufrag(), now));
    } else if (event instanceof IceEvent.Restarted restarted) {
      tell(to, restarted.stream(), restarted.generation(), restarted.local());
    }
  }

  private void tell(VirtualAgent to, int stream, int generation, IceParameters parameters) {
    deliver(to, now -> {
      if (generation < to.agent().generation(stream)) {
        return; // of a generation that is over
      }
      while (to.agent().generation(stream) < generation) {
        to.agent().restart(stream, now);
      }
      to.agent().setRemote(stream, parameters, now);
      parametersListener.accept(to, stream);
    });
  }

  private void deliver(VirtualAgent to, LongConsumer command) {
    Inbox inbox = to == left ? toLeft : toRight;
    int number = inbox.sent++;
    net.schedule(delay.get(), () -> inbox.arrive(to, number, command));
    if (twice.getAsBoolean()) {
      net.schedule(delay.get(), () -> inbox.arrive(to, number, command));
    }
  }

  /** Puts what arrives in order and drops what comes twice, as RFC 8838 9 demands of whoever carries it. */
  private static final class Inbox {
    private final Map<Integer, LongConsumer> waiting = new HashMap<>();
    private int sent;
    private int next;

    void arrive(VirtualAgent to, int number, LongConsumer command) {
      if (number < next || to.state() == IceState.CLOSED) {
        return; // it came twice, or too late
      }
      waiting.put(number, command);
      for (LongConsumer due = waiting.remove(next); due != null; due = waiting.remove(next)) {
        next++;
        to.call(due);
      }
    }
  }
}
