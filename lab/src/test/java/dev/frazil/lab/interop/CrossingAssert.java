package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** What every crossing that can succeed has to show. */
final class CrossingAssert {
  private static final Duration DONE = Duration.ofSeconds(60);
  private static final Duration SETTLED = Duration.ofSeconds(20);
  private static final Duration STOPPED = Duration.ofSeconds(2);
  /** RFC 8863 4: a check with all its retransmissions. */
  private static final Duration PATIENCE = Duration.ofMillis(39_500);

  /** Enough payloads that the restart falls in between. */
  private static final int RESTART_BURST = 100;

  private static final Duration GIVEN_UP = Duration.ofSeconds(60);

  private final Crossing crossing;

  CrossingAssert(Crossing crossing) {
    this.crossing = crossing;
  }

  /**
   * Both sides connect and complete on the same pair, and every payload comes back: those from the first connected on,
   * or, where a stack drops early ones, those of a later burst.
   */
  CrossingAssert connects() {
    boolean done = crossing.awaitDone(DONE);
    assertThat(done).as(because("both are done")).isTrue();
    assertConnected("left", crossing.left().report());
    assertConnected("right", crossing.right().report());
    assertMirrored();
    if (crossing.plan().left().program().dropsEarlyPayloads()
        || crossing.plan().right().program().dropsEarlyPayloads()) {
      echoesBurst(20);
    } else {
      assertEchoed("left", crossing.plan().left(), crossing.left().report());
      assertEchoed("right", crossing.plan().right(), crossing.right().report());
    }
    return this;
  }

  /** Both sides fail and say why, not before the time that RFC 8863 gives late checks, and soon after it. */
  CrossingAssert failsInTime() {
    boolean failed = crossing.await(
        GIVEN_UP.plus(DONE), (left, right) -> left.hasState("failed") && right.hasState("failed"));
    assertThat(failed).as(because("both fail")).isTrue();
    assertFailed("left", crossing.left().report());
    assertFailed("right", crossing.right().report());
    return this;
  }

  private void assertFailed(String side, PeerReport report) {
    assertThat(report.states())
        .as(because(side + " fails once"))
        .containsExactly("checking", "failed");
    JsonNode checking = report.ofType("state").findFirst().orElseThrow();
    JsonNode failed = report.ofType("state").skip(1).findFirst().orElseThrow();
    assertThat(failed.path("message").asString(""))
        .as(because(side + " says why"))
        .isNotEmpty()
        .doesNotStartWith("not connected within");
    double after = failed.path("ms").asDouble() - checking.path("ms").asDouble();
    assertThat(after)
        .as(because(side + " waits as long as RFC 8863 asks for, and not much longer"))
        .isBetween(PATIENCE.toMillis() - 1.0, GIVEN_UP.toMillis() + 0.0);
    assertThat(report.selected()).as(because(side + " selects nothing")).isEmpty();
  }

  /** The left side sends that many payloads more, and gets them all back. */
  CrossingAssert echoesBurst(int count) {
    int before = crossing.left().report().echoes().size();
    crossing.left().send("{\"type\":\"burst\",\"count\":%d}".formatted(count));
    boolean echoed = crossing.left().await(SETTLED, left -> left.echoes().size() > before);
    assertThat(echoed).as(because("the burst is over")).isTrue();
    assertThat(crossing.left().report().echoes())
        .as(because("the whole burst comes back"))
        .last()
        .isEqualTo(new PeerReport.Echo(count, count));
    return this;
  }

  /**
   * One side restarts while the left one sends: both select a pair of the new generation, and no payload is lost on the
   * way there.
   */
  CrossingAssert restartsUnderTraffic(Peer restarting) {
    int leftBefore = crossing.left().report().selected().size();
    int rightBefore = crossing.right().report().selected().size();
    int echoes = crossing.left().report().echoes().size();
    crossing.left().send("{\"type\":\"burst\",\"count\":%d}".formatted(RESTART_BURST));
    restarting.send("{\"type\":\"restart\"}");
    boolean over = crossing.await(
        DONE,
        (left, right) -> left.selected().size() > leftBefore
            && right.selected().size() > rightBefore
            && left.echoes().size() > echoes);
    assertThat(over).as(because("the restart and the burst are over")).isTrue();
    assertThat(crossing.left().report().echoes())
        .as(because("no payload is lost"))
        .last()
        .isEqualTo(new PeerReport.Echo(RESTART_BURST, RESTART_BURST));
    for (Peer peer : List.of(crossing.left(), crossing.right())) {
      assertThat(peer.report()
              .ofType("credentials")
              .map(line -> line.path("generation").asInt(0)))
          .as(because("each tells credentials of the new generation once"))
          .containsExactly(0, 1);
    }
    assertMirrored();
    return echoesBurst(20);
  }

  private void assertConnected(String side, PeerReport report) {
    assertThat(report.states())
        .as(because(side + " connects"))
        .contains("connected", "completed")
        .doesNotContain("failed");
  }

  private void assertEchoed(String name, Crossing.Side side, PeerReport report) {
    int count = side.arguments().controlling() ? side.arguments().count() : 0;
    assertThat(report.echoes())
        .as(because(name + " gets every payload back"))
        .isEqualTo(count > 0 ? List.of(new PeerReport.Echo(count, count)) : List.of());
  }

  /** Waits for the pairs of both sides to be one pair: a late nomination may still move one of them. */
  CrossingAssert assertMirrored() {
    boolean mirrored = crossing.await(SETTLED, this::isMirrored);
    assertThat(mirrored)
        .as(because("the selected pairs are one pair, seen from both sides"))
        .isTrue();
    return this;
  }

  private boolean isMirrored(PeerReport left, PeerReport right) {
    if (left.lastSelected().isEmpty() || right.lastSelected().isEmpty()) {
      return false;
    }
    PeerReport.Selected leftPair = left.lastSelected().get();
    PeerReport.Selected rightPair = right.lastSelected().get();
    return crossing.network().left().isSeenAs(leftPair.local(), rightPair.remote())
        && crossing.network().right().isSeenAs(rightPair.local(), leftPair.remote());
  }

  /** Both peers end with code 0, soon after they are told to, and have said what the protocol asks for. */
  void stops() {
    crossing.stop();
    assertEnd("left", crossing.plan().left(), crossing.left().report());
    assertEnd("right", crossing.plan().right(), crossing.right().report());
  }

  private void assertEnd(String name, Crossing.Side side, PeerReport report) {
    assertThat(report.exitCode()).as(because(name + " ends well")).isEqualTo(0);
    assertThat(report.stopping()).as(because(name + " ends soon")).isLessThanOrEqualTo(STOPPED);
    ProtocolAssert.assertSpoken(
        because(name + " speaks the protocol"), report, side.arguments().trickle());
  }

  private String because(String what) {
    return what + "\n" + crossing.transcript() + "\n";
  }
}
