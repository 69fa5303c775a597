package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("STUN-0700")
class OpaqueStringTest {
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '|',
      value = {
        // RFC 8265 4.3, table 4
        "correct horse battery staple,  correct horse battery staple",
        "Correct Horse Battery Staple,  Correct Horse Battery Staple",
        "\u03C0\u00DF\u00E5,            \u03C0\u00DF\u00E5",
        "Jack of \u2666s,               Jack of \u2666s",
        "foo\u1680bar,                  foo bar",
        // spaces of every kind
        "a\u00A0b,                      a b",
        "a\u3000b,                      a b",
        "a\u2003\u2009b,                a  b",
        // NFC, but neither NFKC nor case or width mapping
        "e\u0301,                       \u00E9",
        "\u212B,                        \u00C5",
        "\uFF21,                        \uFF21",
        "\u2168,                        \u2168",
        "\u1112\u1161\u11AB,            \uD55C",
        "\uD83D\uDE00,                  \uD83D\uDE00",
        // by context
        "l\u00B7l,                      l\u00B7l",
        "\u0375\u03B1,                  \u0375\u03B1",
        "\u05D0\u05F3,                  \u05D0\u05F3",
        "\u30A2\u30FB,                  \u30A2\u30FB",
        "\u0661\u0662,                  \u0661\u0662",
        "\u06F1\u06F2,                  \u06F1\u06F2",
        "\u0915\u094D\u200D\u0937,      \u0915\u094D\u200D\u0937",
        "\u0645\u200C\u06CC,            \u0645\u200C\u06CC",
      })
  void textBecomesWhatTheProfileSays(String text, String expected) {
    assertThat(OpaqueString.enforce("password", text)).isEqualTo(expected);
    assertThat(OpaqueString.enforce("password", expected)).as("idempotent").isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "my cat is a \tby", // RFC 8265 4.3, table 4
        "\u0000",
        "a\nb",
        "\u007F",
        "\u0085", // controls
        "The\u00ADMatrix", // soft hyphen
        "a\u200Bb",
        "\uFEFFa",
        "a\u202Eb",
        "\u2060",
        "a\u034Fb",
        "\u3164",
        "a\uFE0F", // invisible
        "\u0378", // unassigned
        "\uFFFE",
        "\uFDD0", // no characters
        "\uD800", // half a surrogate pair
        "\uE000", // private use
        "\u2028",
        "\u2029", // separators
        "\u1100",
        "\uA960", // old Hangul
        "\u0640",
        "\u302E", // exceptions
        "l\u00B7m",
        "\u00B7",
        "\u0375a",
        "a\u05F3",
        "a\u30FB",
        "\u200D",
        "1\u200Cb", // out of context
        "\u0661\u06F1",
        "\u06F1\u0661", // mixed digits
      })
  void textThatTheProfileForbidsIsRefused(String text) {
    assertThatThrownBy(() -> OpaqueString.enforce("password", text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("password")
        .hasMessageContaining("RFC 8265");
  }

  @Test
  void errorShowsNothingButTheCharacter() {
    assertThatThrownBy(() -> OpaqueString.enforce("password", "s\u00E9cret\u0007"))
        .hasMessage("password: U+0007 is not allowed (RFC 8265 4.2)");
  }

  @Test
  void emptyTextIsRefused() {
    assertThatThrownBy(() -> IntegrityKey.shortTerm("")).hasMessageContaining("empty");
  }

  @Test
  void keyIsOfThePreparedPassword() {
    var out = StunBuilder.request(
            Method.BINDING, new TransactionId(1, 2), java.nio.ByteBuffer.allocate(100))
        .integrity(IntegrityKey.shortTerm("caf\u00E9 noir"))
        .finish();
    assertThat(StunMessage.tryParse(out)
            .verifyIntegrity(IntegrityKey.shortTerm("cafe\u0301\u00A0noir")))
        .isTrue();
  }
}
