package dev.frazil.testkit.ice;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.testkit.VirtualInternet;
import java.time.Duration;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Tells each of two agents what the other says: parameters, candidates, end-of-candidates, restarts.
 *
 * <p>Items are tied to their generation by number, as RFC 8838 9 wants it of a protocol that uses ICE, so they may be
 * delayed, reordered and duplicated on the way.
 */
public final class Signalling {
  private final VirtualInternet net;
  private final VirtualAgent left;
  private final VirtualAgent right;
  private final Supplier<Duration> delay;

  private Signalling(
      VirtualInternet net, VirtualAgent left, VirtualAgent right, Supplier<Duration> delay) {
    this.net = net;
    this.left = left;
    this.right = right;
    this.delay = delay;
  }

  /**
   * Connects two agents; call it before they start. Parameters go out with {@link #begin}.
   *
   * @param delay asked for each item how long it takes
   */
  public static Signalling connect(
      VirtualInternet net, VirtualAgent left, VirtualAgent right, Supplier<Duration> delay) {
    Signalling signalling = new Signalling(net, left, right, delay);
    left.onEvent(event -> signalling.handle(right, event));
    right.onEvent(event -> signalling.handle(left, event));
    return signalling;
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
    });
  }

  private void deliver(VirtualAgent to, LongConsumer command) {
    net.schedule(delay.get(), () -> to.call(command));
  }
}
