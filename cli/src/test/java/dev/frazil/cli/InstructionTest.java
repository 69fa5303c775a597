package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InstructionTest {
  private static final String PASSWORD = "asd88fgpdd777uzjYhagZg";

  @Test
  void credentialsMayCarryPacingOptionsAndLite() {
    assertThat(Instruction.parse("""
            {"type":"credentials","ufrag":"8hhY","pwd":"%s","pacing":20.5,"options":["ice2","x"],"lite":true,\
            "generation":3,"unknown":{}}""".formatted(PASSWORD)))
        .isEqualTo(new Instruction.Credentials(
            3, new IceParameters("8hhY", PASSWORD, true, 21, Set.of("ice2", "x"))));
  }

  @Test
  void credentialsOfAPeerThatKnowsNoExtrasLeaveThemOpen() {
    assertThat(Instruction.parse(
            "{\"pwd\":\"" + PASSWORD + "\",\"ufrag\":\"8hhY\",\"type\":\"credentials\"}"))
        .isEqualTo(new Instruction.Credentials(0, new IceParameters("8hhY", PASSWORD)));
  }

  @Test
  void candidateIsTakenWithAndWithoutAttributePrefix() {
    String line = "candidate:1 1 udp 2130706431 192.168.1.10 45664 typ host";
    Instruction.RemoteCandidate expected =
        new Instruction.RemoteCandidate(0, Candidate.parse(line));
    assertThat(Instruction.parse("{\"type\":\"candidate\",\"sdp\":\"" + line + "\"}"))
        .isEqualTo(expected);
    assertThat(Instruction.parse("{\"type\":\"candidate\",\"sdp\":\"a=" + line + "\"}"))
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"start", "restart", "stop", "end-of-candidates"})
  void linesWithoutMembersAreRead(String type) {
    assertThat(Instruction.parse("{\"type\":\"" + type + "\"}")).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"type\":null}",
        "{\"type\":7}",
        "{\"type\":\"weather\",\"ufrag\":1}",
        "{\"type\":\"candidate\",\"sdp\":\"candidate:1 1 sctp 1 192.0.2.1 1 typ host\"}",
        "{\"type\":\"candidate\",\"sdp\":\"candidate:1 1 udp 1 host.local 1 typ host\"}",
      })
  void unknownTypesAndCandidatesToPassOverAreIgnored(String line) {
    assertThat(Instruction.parse(line)).isNull();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hello | JSON",
        "'' | JSON",
        "[1] | JSON",
        "{\"type\":\"stop\"} {} | JSON",
        "{\"type\":\"candidate\"} | sdp",
        "{\"type\":\"candidate\",\"sdp\":\"candidate:1 1 udp x 192.0.2.1 1 typ host\"} | priority",
        "{\"type\":\"credentials\",\"ufrag\":\"8hhY\"} | pwd",
        "{\"type\":\"credentials\",\"ufrag\":\"8hhY\",\"pwd\":\"short\"} | ice-pwd",
        "{\"type\":\"credentials\",\"ufrag\":\"8\",\"pwd\":\"asd88fgpdd777uzjYhagZg\"} | ice-ufrag",
        "{\"type\":\"credentials\",\"ufrag\":\"8hhY\",\"pwd\":\"asd88fgpdd777uzjYhagZg\",\"pacing\":-1} | pacing",
        "{\"type\":\"credentials\",\"ufrag\":\"8hhY\",\"pwd\":\"asd88fgpdd777uzjYhagZg\",\"options\":\"x\"} | options",
        "{\"type\":\"credentials\",\"ufrag\":\"8hhY\",\"pwd\":\"asd88fgpdd777uzjYhagZg\",\"options\":[1]} | options",
        "{\"type\":\"end-of-candidates\",\"generation\":-1} | generation",
        "{\"type\":\"end-of-candidates\",\"generation\":\"1\"} | generation",
        "{\"type\":\"burst\"} | count",
        "{\"type\":\"burst\",\"count\":1e12} | count",
      })
  void linesThatCannotBeUsedNameTheMember(String line, String member) {
    assertThatThrownBy(() -> Instruction.parse(line))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(member)
        .hasMessageNotContaining("asd88");
  }
}
