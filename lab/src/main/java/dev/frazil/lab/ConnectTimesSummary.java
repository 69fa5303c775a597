package dev.frazil.lab;

import dev.frazil.lab.ConnectTimes.Case;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.topology.Access;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * Prints the tables of {@link ConnectTimes} in short: what is worst over all NATs that can connect, by round trip and
 * loss; and one meeting in particular.
 *
 * <p>The one argument, if given, is the number of seeds for each pair of NATs with loss: 40 unless set.
 */
public final class ConnectTimesSummary {
  private ConnectTimesSummary() {}

  /** How two agents behind port-restricted NATs, with a STUN server, meet at a round trip of 50 ms. */
  static ConnectTime portRestricted() {
    Access nat = Access.behindNat(NatBehavior.PORT_RESTRICTED_CONE);
    return ConnectTime.measure(
        nat, nat, Duration.ofMillis(50), Link.PERFECT, 1, Duration.ofSeconds(10));
  }

  /** Prints all. */
  public static void main(String... arguments) {
    int seeds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 40;
    ConnectTime time = portRestricted();
    System.out.printf(
        "Both behind port-restricted NATs, round trips of 50 ms, one STUN server: connected %s ms,"
            + " first payload %s ms, nominated %s ms after the start.%n",
        ConnectTimes.millis(time.connected()),
        ConnectTimes.millis(time.delivered()),
        ConnectTimes.millis(time.nominated()));
    withoutLoss();
    withLoss(seeds);
  }

  private static void withoutLoss() {
    Table table = new Table(
        "RTT", "pairs of NATs", "connected", "within limits", "valid", "payload", "nominated");
    for (int roundTrip : ConnectTimes.ROUND_TRIPS) {
      Duration duration = Duration.ofMillis(roundTrip);
      List<ConnectTime> within = new ArrayList<>();
      int connected = 0;
      for (Case each : ConnectTimes.cases()) {
        ConnectTime time = each.measure(duration, 0, 1);
        connected += time.isComplete() ? 1 : 0;
        if (time.isWithinLimits()) {
          within.add(time);
        }
      }
      table.row(
          roundTrip,
          ConnectTimes.cases().size(),
          connected,
          within.size(),
          closest(within, ConnectTime::validAfter, ConnectTime::validLimit),
          closest(within, ConnectTime::deliveredAfter, ConnectTime::deliveredLimit),
          closest(within, ConnectTime::nominatedAfter, ConnectTime::nominatedLimit));
    }
    System.out.println("\nNo loss: the figure closest to its limit, and the limit, in ms.");
    table.print(System.out);
  }

  /** The figure that has least to spare, and its limit. */
  private static String closest(
      List<ConnectTime> times,
      ToLongFunction<ConnectTime> figure,
      ToLongFunction<ConnectTime> limit) {
    ConnectTime closest = times.get(0);
    for (ConnectTime each : times) {
      if (limit.applyAsLong(each) - figure.applyAsLong(each)
          < limit.applyAsLong(closest) - figure.applyAsLong(closest)) {
        closest = each;
      }
    }
    return ConnectTimes.millis(figure.applyAsLong(closest)) + " of "
        + ConnectTimes.millis(limit.applyAsLong(closest));
  }

  private static void withLoss(int seeds) {
    Table table =
        new Table("loss", "RTT", "connected", "valid", "p95", "payload", "p95", "nominated", "p95");
    for (double loss : ConnectTimes.LOSSES) {
      for (int roundTrip : ConnectTimes.ROUND_TRIPS) {
        int tried = 0;
        List<ConnectTime> done = new ArrayList<>();
        for (Case each : ConnectTimes.cases()) {
          for (int seed = 1; seed <= seeds && each.canConnect(); seed++) {
            tried++;
            ConnectTime time = each.measure(Duration.ofMillis(roundTrip), loss, seed);
            if (time.isComplete()) {
              done.add(time);
            }
          }
        }
        table.row(
            String.format("%.0f %%", 100 * loss),
            roundTrip,
            String.format("%.1f %%", 100.0 * done.size() / tried),
            ConnectTimes.percentile(done, ConnectTime::valid, 0.5),
            ConnectTimes.percentile(done, ConnectTime::valid, 0.95),
            ConnectTimes.percentile(done, ConnectTime::delivered, 0.5),
            ConnectTimes.percentile(done, ConnectTime::delivered, 0.95),
            ConnectTimes.percentile(done, ConnectTime::nominated, 0.5),
            ConnectTimes.percentile(done, ConnectTime::nominated, 0.95));
      }
    }
    System.out.printf(
        "%nWith loss on each way, all the time, gathering included: median and 95th percentile over"
            + " all NATs that can connect, %d seeds each, in ms since the start.%n",
        seeds);
    table.print(System.out);
  }
}
