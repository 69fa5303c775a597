package dev.frazil.lab.campaign;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The campaign as CI runs it; {@link Campaign#main} runs more by hand. */
class CampaignTest {
  /** Set by {@code -Dfrazil.campaign.runs=N}. */
  private static final int RUNS = Integer.getInteger("frazil.campaign.runs", 20_000);

  @Test
  @Tag("slow")
  @Tag("ICE-2910")
  @Tag("ICE-2920")
  @Tag("ICE-3400")
  @Tag("ICE-3450")
  @Tag("ICE-0460")
  @Tag("SIG-0120")
  void agentsEndAsTheOracleSaysInEveryRandomWorld() {
    Campaign.Summary summary = Campaign.run(1, RUNS, Path.of("target"), false);
    assertThat(summary.bad()).as(summary.toString()).isEmpty();
    assertThat(summary.connected()).isGreaterThan(RUNS / 3);
    assertThat(summary.failed()).isGreaterThan(RUNS / 10);
  }
}
