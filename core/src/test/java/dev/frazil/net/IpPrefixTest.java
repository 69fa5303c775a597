package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IpPrefixTest {
  @ParameterizedTest
  @CsvSource({
    "10.1.0.0/16, 10.1.255.255, 10.2.0.0",
    "192.0.2.7, 192.0.2.7, 192.0.2.6",
    "0.0.0.0/0, 203.0.113.1, 2001:db8::1",
    "2001:db8::/32, 2001:db8:ffff::1, 2001:db9::",
    "2001:db8::80/121, 2001:db8::ff, 2001:db8::7f",
    "::/0, fe80::1%2, 192.0.2.1",
  })
  void containsWhatBeginsWithItsBits(String range, String inside, String outside) {
    IpPrefix prefix = IpPrefix.parse(range);
    assertThat(prefix.contains(IpAddress.parse(inside))).isTrue();
    assertThat(prefix.contains(IpAddress.parse(outside))).isFalse();
    assertThat(IpPrefix.parse(prefix.toString())).isEqualTo(prefix);
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/33, a prefix has 0 to 32 bits",
    "2001:db8::/129, 0 to 128 for IPv6",
    "fe80::1%2, no scope",
    "10.1.0.0/8, the address has bits behind its prefix",
    "2001:db8::1/64, the address has bits behind its prefix",
    "10.0.0.0/, is no prefix length",
    "10.0.0.0/-1, is no prefix length",
    "proxy.example.org, proxy.example.org",
  })
  void whatIsNoRangeIsRefusedWithTheRule(String text, String rule) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> IpPrefix.parse(text))
        .withMessageContaining(rule);
  }

  @Test
  void singleAddressIsShownWithItsLength() {
    assertThat(IpPrefix.parse("2001:db8::1")).hasToString("2001:db8::1/128");
  }
}
