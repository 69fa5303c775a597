package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.stun.StunUri.Scheme;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StunUriTest {
  @ParameterizedTest
  @CsvSource({
    "stun:example.org,                STUN,  example.org, 0,    ,    3478",
    "stuns:example.org,               STUNS, example.org, 0,    ,    5349",
    "stun:example.org:8000,           STUN,  example.org, 8000, ,    8000",
    "STUN:Example.org:65535,          STUN,  Example.org, 65535, ,   65535",
    "stun:192.0.2.1,                  STUN,  192.0.2.1,   0,    ,    3478",
    "stun:[2001:db8::1],              STUN,  2001:db8::1, 0,    ,    3478",
    "stuns:[::1]:1,                   STUNS, ::1,         1,    ,    1",
    "stun:a_b~c-d.e,                  STUN,  a_b~c-d.e,   0,    ,    3478",
  })
  @Tag("STUN-1200")
  void stunUrisAreRead(
      String text, Scheme scheme, String host, int port, String transport, int effective) {
    verify(text, scheme, host, port, transport, effective);
  }

  @ParameterizedTest
  @CsvSource({
    "turn:example.org,                       TURN,  example.org, 0,    ,    3478",
    "turns:example.org,                      TURNS, example.org, 0,    ,    5349",
    "turn:example.org:8000,                  TURN,  example.org, 8000, ,    8000",
    "turn:example.org?transport=udp,         TURN,  example.org, 0,    udp, 3478",
    "turn:example.org:99?transport=TCP,      TURN,  example.org, 99,   tcp, 99",
    "turns:example.org?transport=udp,        TURNS, example.org, 0,    udp, 5349",
    "turns:[2001:db8::1]:7?transport=tcp,    TURNS, 2001:db8::1, 7,    tcp, 7",
    "turn:192.0.2.1?transport=sctp,          TURN,  192.0.2.1,   0,    sctp, 3478",
    "turn:192.0.2.1?TRANSPORT=x-1.y_z~,      TURN,  192.0.2.1,   0,    x-1.y_z~, 3478",
  })
  @Tag("STUN-1210")
  void turnUrisAreRead(
      String text, Scheme scheme, String host, int port, String transport, int effective) {
    verify(text, scheme, host, port, transport, effective);
  }

  private static void verify(
      String text, Scheme scheme, String host, int port, String transport, int effective) {
    StunUri uri = StunUri.parse(text);
    assertThat(uri).isEqualTo(new StunUri(scheme, host, port, transport));
    assertThat(uri.portOrDefault()).isEqualTo(effective);
    assertThat(uri.scheme().isSecure())
        .isEqualTo(text.toLowerCase().startsWith("stuns") || text.startsWith("turns"));
    assertThat(StunUri.parse(uri.toString())).isEqualTo(uri);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "stun",
        "stun:",
        "example.org",
        "http://example.org",
        "stunx:example.org",
        " stun:example.org",
        "stun://example.org",
        "stun:/example.org",
        "stun:user@example.org",
        "stun:example.org#f",
        "stun:example.org/p",
        "stun:example.org?transport=udp",
        "stun:example.org?",
        "stun:example.org:",
        "stun:example.org:0",
        "stun:example.org:65536",
        "stun:example.org:-1",
        "stun:example.org:+1",
        "stun:example.org:1x",
        "stun:example.org:123456",
        "stun:example.org:\u0661",
        "stun::3478",
        "stun:exa mple.org",
        "stun:example.org ",
        "stun:2001:db8::1",
        "stun:[2001:db8::1",
        "stun:[2001:db8::1]x",
        "stun:[example.org]",
        "stun:[192.0.2.1]",
        "stun:[fe80::1%1]",
        "stun:[fe80::1%25eth0]",
        "stun:[]",
        "stun:[:]",
        "stun:192.0.2",
        "stun:192.0.2.256",
        "stun:192.0.2.1.5",
        "stun:1",
        "stun:ex\u00E4mple.org",
        "stun:%41",
        "stun:a\u0000b",
      })
  @Tag("STUN-1200")
  void malformedStunUrisAreRefused(String text) {
    assertThatThrownBy(() -> StunUri.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("STUN URI: ")
        .hasMessageContaining("must be");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "turn://example.org",
        "turn:user@example.org",
        "turn:example.org?",
        "turn:example.org?transport",
        "turn:example.org?transport=",
        "turn:example.org?transport=u/dp",
        "turn:example.org?transport=udp&x=y",
        "turn:example.org?x=y",
        "turn:example.org?transport=udp?transport=tcp",
        "turn:?transport=udp",
        "turn:example.org#x",
        "turn:example.org?transport=udp#x",
        "turns:[::1]?transport= udp",
      })
  @Tag("STUN-1210")
  void malformedTurnUrisAreRefused(String text) {
    assertThatThrownBy(() -> StunUri.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("STUN URI: ");
  }

  @Test
  void errorNamesPartValueAndRuleAndIsShort() {
    assertThatThrownBy(() -> StunUri.parse("stun:example.org:70000"))
        .hasMessage("STUN URI: port \":70000\": must be ':' and 1 to 65535");
    assertThatThrownBy(() -> StunUri.parse("stun:" + "a".repeat(2000)))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(200));
    assertThatThrownBy(() -> StunUri.parse("stun:" + "a".repeat(256))).hasMessageContaining("host");
  }

  @Test
  void literalsNeedNoLookUp() {
    assertThat(StunUri.parse("stun:192.0.2.1").isLiteral()).isTrue();
    assertThat(StunUri.parse("stun:[::1]").isLiteral()).isTrue();
    assertThat(StunUri.parse("stun:1.example.org").isLiteral()).isFalse();
  }

  @Test
  void randomTextIsReadOrRefused() {
    SplittableRandom random = new SplittableRandom(4);
    String[] parts = {
      "stun",
      "turns",
      ":",
      "//",
      "[",
      "]",
      "::1",
      "a.b",
      "1.2.3.4",
      "?",
      "transport=",
      "udp",
      "%",
      "#",
      "99"
    };
    int read = 0;
    for (int i = 0; i < 5_000; i++) {
      StringBuilder text = new StringBuilder(random.nextBoolean() ? "turn:" : "");
      for (int n = random.nextInt(7); n > 0; n--) {
        text.append(parts[random.nextInt(parts.length)]);
      }
      try {
        StunUri uri = StunUri.parse(text.toString());
        assertThat(StunUri.parse(uri.toString())).isEqualTo(uri);
        read++;
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageStartingWith("STUN URI: ");
      }
    }
    assertThat(read).isGreaterThan(30);
  }
}
