package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

/** What every crossing that can succeed has to show. */
final class CrossingAssert {
  private static final Duration DONE = Duration.ofSeconds(30);
  private static final Duration SETTLED = Duration.ofSeconds(5);
  private static final Duration STOPPED = Duration.ofSeconds(2);

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
      assertEchoed("left", crossing.left().report());
      assertEchoed("right", crossing.right().report());
    }
    return this;
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

  private void assertConnected(String side, PeerReport report) {
    assertThat(report.states())
        .as(because(side + " connects"))
        .contains("connected", "completed")
        .doesNotContain("failed");
  }

  private void assertEchoed(String side, PeerReport report) {
    assertThat(report.echoes())
        .as(because(side + " gets every payload back"))
        .allSatisfy(echo -> assertThat(echo.received()).isEqualTo(echo.sent()));
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

  /** Both peers end with code 0, soon after they are told to. */
  void stops() {
    crossing.stop();
    assertEnd("left", crossing.left().report());
    assertEnd("right", crossing.right().report());
  }

  private void assertEnd(String side, PeerReport report) {
    assertThat(report.exitCode()).as(because(side + " ends well")).isEqualTo(0);
    assertThat(report.stopping()).as(because(side + " ends soon")).isLessThanOrEqualTo(STOPPED);
  }

  private String because(String what) {
    return what + "\n" + crossing.transcript() + "\n";
  }
}
