package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Nat64PrefixTest {
  /** The table of RFC 6052 2.4. */
  @ParameterizedTest
  @CsvSource({
    "2001:db8::, 32, 2001:db8:c000:221::",
    "2001:db8:100::, 40, 2001:db8:1c0:2:21::",
    "2001:db8:122::, 48, 2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::, 56, 2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::, 64, 2001:db8:122:344:c0:2:2100::",
    "2001:db8:122:344::, 96, 2001:db8:122:344::192.0.2.33",
    "64:ff9b::, 96, 64:ff9b::c000:221"
  })
  void anIpv4AddressGoesWhereThePrefixLengthSays(String prefix, int length, String expected) {
    assertThat(new Nat64Prefix(IpAddress.parse(prefix), length)
            .synthesize(IpAddress.parse("192.0.2.33")))
        .isEqualTo(IpAddress.parse(expected));
  }

  @ParameterizedTest
  @CsvSource({"32", "40", "48", "56", "64", "96"})
  void anIpv4AddressIsTakenOutWhereItWasPutIn(int length) {
    Nat64Prefix prefix = new Nat64Prefix(IpAddress.parse("2001:db8::"), length);
    IpAddress ipv4 = IpAddress.parse("192.0.2.33");
    assertThat(prefix.extract(prefix.synthesize(ipv4))).isEqualTo(ipv4);
    assertThat(prefix.extract(IpAddress.parse("2001:db9::c000:221"))).isNull();
    assertThat(prefix.extract(ipv4)).isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "2001:db8::, 32",
    "2001:db8:100::, 40",
    "2001:db8:122::, 48",
    "2001:db8:122:300::, 56",
    "2001:db8:122:344::, 64",
    "2001:db8:122:344::, 96",
    "64:ff9b::, 96"
  })
  void aPrefixOfAnyLengthIsFoundInTheAnswerForTheWellKnownName(String text, int length) {
    Nat64Prefix prefix = new Nat64Prefix(IpAddress.parse(text), length);
    for (String known : List.of("192.0.0.170", "192.0.0.171")) {
      IpAddress answer = prefix.synthesize(IpAddress.parse(known));
      assertThat(Nat64Prefix.discover(List.of(IpAddress.parse("192.0.0.170"), answer)))
          .isEqualTo(prefix);
    }
  }

  @Test
  void anAnswerWithoutTheWellKnownAddressGivesNoPrefix() {
    assertThat(Nat64Prefix.discover(List.of())).isNull();
    assertThat(Nat64Prefix.discover(List.of(IpAddress.parse("192.0.0.170")))).isNull();
    assertThat(Nat64Prefix.discover(List.of(IpAddress.parse("64:ff9b::c000:221"))))
        .isNull();
    assertThat(Nat64Prefix.discover(List.of(IpAddress.parse("2001:db8:0:0:ff00::c000:aa"))))
        .as("bits 64 to 71 are not zero")
        .isNull();
  }

  @Test
  void aPrefixThatIsNoneIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Nat64Prefix(IpAddress.parse("64:ff9b::"), 95))
        .withMessageContaining("95");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Nat64Prefix(IpAddress.parse("64:ff9b::1"), 96))
        .withMessageContaining("64:ff9b::1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Nat64Prefix(IpAddress.parse("192.0.2.0"), 32));
  }
}
