package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class Ipv6FlagsTest {
  @Test
  void linesOfTheKernelAreRead() {
    Map<IpAddress, Integer> flags = Ipv6Flags.parse(List.of(
        "20010db8000000000000000000000002 04 40 00 01     eth0",
        "fe8000000000000000fc00fffe000001 0a 40 20 a0     wlan0"));

    assertThat(flags)
        .containsOnly(
            Map.entry(IpAddress.parse("2001:db8::2").withScopeId(4), Ipv6Flags.TEMPORARY),
            Map.entry(
                IpAddress.parse("fe80::fc:ff:fe00:1").withScopeId(10),
                Ipv6Flags.DEPRECATED | 0x80));
  }

  @Test
  void linesOfAnyOtherFormArePassedOver() {
    assertThat(Ipv6Flags.parse(List.of(
            "",
            "20010db8000000000000000000000002",
            "20010db80000000000000000000000zz 04 40 00 01 eth0",
            "2001 04 40 00 01 eth0",
            "20010db8000000000000000000000002 04 40 00 ffffffffff eth0")))
        .isEmpty();
  }

  @Test
  void addressThatIsStillTestedOrADuplicateIsNotUsable() {
    assertThat(Ipv6Flags.isUsable(0x80)).isTrue();
    assertThat(Ipv6Flags.isUsable(Ipv6Flags.TEMPORARY | Ipv6Flags.DEPRECATED)).isTrue();
    assertThat(Ipv6Flags.isUsable(Ipv6Flags.TENTATIVE)).isFalse();
    assertThat(Ipv6Flags.isUsable(Ipv6Flags.TENTATIVE | Ipv6Flags.OPTIMISTIC)).isTrue();
    assertThat(Ipv6Flags.isUsable(Ipv6Flags.DUPLICATE)).isFalse();
  }
}
