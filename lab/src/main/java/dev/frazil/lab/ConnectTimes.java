package dev.frazil.lab;

import dev.frazil.testkit.Link;
import dev.frazil.testkit.topology.Access;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * Prints how long two agents take to connect in the virtual Internet: NAT × NAT × round trip × loss. Without loss each
 * figure stands beside its limit; with loss, which never ends here, median and 95th percentile over seeds are told.
 *
 * <p>The one argument, if given, is the number of seeds for each line with loss: 200 unless set.
 */
public final class ConnectTimes {
  static final int[] ROUND_TRIPS = {0, 20, 50, 200};
  static final double[] LOSSES = {0.05, 0.2};
  /** No check takes longer: the last send of a transaction is 39.5 s old when it is given up (RFC 8489 6.2.1). */
  private static final Duration LIMIT = Duration.ofSeconds(90);

  private ConnectTimes() {}

  /** Two ways to be connected. */
  record Case(String left, String right) {
    /** Whether a path without a relay exists: a symmetric NAT's next port can't be told to a filter that wants it. */
    boolean canConnect() {
      return !(isSymmetric(left) && wantsPort(right) || isSymmetric(right) && wantsPort(left));
    }

    private static boolean isSymmetric(String kind) {
      return kind.equals("symmetric");
    }

    private static boolean wantsPort(String kind) {
      return kind.equals("port restricted") || isSymmetric(kind);
    }

    /**
     * Whether the first check comes too early by a hair: the symmetric side's leaves in the same instant as the one that
     * is to open the other's filter, and without a way to travel it is there first. The next send gets through.
     */
    boolean isTie(Duration roundTrip) {
      return roundTrip.isZero() && left.equals("restricted cone") && isSymmetric(right);
    }

    ConnectTime measure(Duration roundTrip, double loss, long seed) {
      Map<String, Access> kinds = kinds();
      Link link = Link.PERFECT.withLoss(1 - Math.pow(1 - loss, 0.5)); // two links one way
      return ConnectTime.measure(
          java.util.Objects.requireNonNull(kinds.get(left)),
          java.util.Objects.requireNonNull(kinds.get(right)),
          roundTrip,
          link,
          seed,
          LIMIT);
    }
  }

  private static Map<String, Access> kinds() {
    Map<String, Access> kinds = new LinkedHashMap<>(Access.kinds());
    kinds.remove("udp blocked");
    return kinds;
  }

  /** Every ordered pair of NATs: the first of the two controls. */
  static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (String left : kinds().keySet()) {
      for (String right : kinds().keySet()) {
        cases.add(new Case(left, right));
      }
    }
    return cases;
  }

  /** Prints both tables. */
  public static void main(String... arguments) {
    int seeds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 200;
    withoutLoss();
    for (double loss : LOSSES) {
      withLoss(loss, seeds);
    }
  }

  private static void withoutLoss() {
    Table table = new Table(
        "controlling",
        "controlled",
        "RTT",
        "k",
        "valid",
        "limit",
        "payload",
        "limit",
        "nominated",
        "limit",
        "");
    for (Case each : cases()) {
      for (int roundTrip : ROUND_TRIPS) {
        ConnectTime time = each.measure(Duration.ofMillis(roundTrip), 0, 1);
        if (!time.isComplete()) {
          table.row(each.left, each.right, roundTrip, "", "no path", "", "", "", "", "", "");
          continue;
        }
        table.row(
            each.left,
            each.right,
            roundTrip,
            time.pairsAhead(),
            millis(time.validAfter()),
            millis(time.validLimit()),
            millis(time.deliveredAfter()),
            millis(time.deliveredLimit()),
            millis(time.nominatedAfter()),
            millis(time.nominatedLimit()),
            time.isWithinLimits() ? "" : each.isTie(Duration.ofMillis(roundTrip)) ? "tie" : "over");
      }
    }
    System.out.println("No loss. Valid pair and first payload: ms since both held each other's"
        + " working candidate; nomination at both ends: ms since the first valid pair.");
    table.print(System.out);
  }

  private static void withLoss(double loss, int seeds) {
    Table table = new Table(
        "controlling",
        "controlled",
        "RTT",
        "done",
        "valid",
        "p95",
        "payload",
        "p95",
        "nominated",
        "p95");
    for (Case each : cases()) {
      for (int roundTrip : ROUND_TRIPS) {
        if (each.canConnect()) {
          List<ConnectTime> done = new ArrayList<>();
          for (int seed = 1; seed <= seeds; seed++) {
            ConnectTime time = each.measure(Duration.ofMillis(roundTrip), loss, seed);
            if (time.isComplete()) {
              done.add(time);
            }
          }
          table.row(
              each.left,
              each.right,
              roundTrip,
              String.format("%.1f %%", 100.0 * done.size() / Math.max(1, seeds)),
              percentile(done, ConnectTime::valid, 0.5),
              percentile(done, ConnectTime::valid, 0.95),
              percentile(done, ConnectTime::delivered, 0.5),
              percentile(done, ConnectTime::delivered, 0.95),
              percentile(done, ConnectTime::nominated, 0.5),
              percentile(done, ConnectTime::nominated, 0.95));
        }
      }
    }
    System.out.printf(
        "%n%.0f %% of the packets lost on each way, all the time, gathering included;"
            + " %d seeds. Median and 95th percentile, ms since the start.%n",
        100 * loss, seeds);
    table.print(System.out);
  }

  static String percentile(
      List<ConnectTime> times, ToLongFunction<ConnectTime> what, double share) {
    long[] sorted = times.stream().mapToLong(what).sorted().toArray();
    return sorted.length == 0 ? "" : millis(sorted[(int) (share * (sorted.length - 1))]);
  }

  static String millis(long nanos) {
    return String.format("%.0f", nanos / 1e6);
  }
}
