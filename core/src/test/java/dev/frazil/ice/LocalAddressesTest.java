package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.InterfaceAddress.Flags;
import dev.frazil.net.IpAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which addresses are used, and in what order: RFC 8445 5.1.1.1, RFC 8421, RFC 8828 5.2, RFC 8445 5.2. */
class LocalAddressesTest {
  private static final Flags TEMPORARY = new Flags(false, true, false, true, false);
  private static final Flags DEPRECATED = new Flags(false, false, true, true, false);
  private static final Flags UNRELIABLE = new Flags(false, false, false, true, true);

  private static InterfaceAddress on(String name, String ip, Flags flags) {
    IpAddress address = IpAddress.parse(ip);
    return new InterfaceAddress(name, address, address.isIpv4() ? 24 : 64, flags);
  }

  private static IceConfiguration.Builder settings() {
    return AgentHarness.settings(Role.CONTROLLING);
  }

  private static List<String> chosen(
      IceConfiguration.Builder settings, InterfaceAddress... addresses) {
    LocalAddresses local = new LocalAddresses(settings.build());
    local.update(List.of(addresses));
    return local.chosen().stream().map(each -> each.address().toString()).toList();
  }

  private static List<String> chosen(IceConfiguration.Builder settings, String... addresses) {
    return chosen(
        settings,
        Arrays.stream(addresses).map(AgentHarness::address).toArray(InterfaceAddress[]::new));
  }

  @ParameterizedTest
  @Tag("ICE-0240")
  @ValueSource(strings = {"127.0.0.1", "127.8.9.10", "::1"})
  void loopbackAddressesAreUsedOnlyWhenAskedFor(String loopback) {
    assertThat(chosen(settings(), loopback)).isEmpty();
    assertThat(chosen(settings().loopback(true), loopback)).containsExactly(loopback);
  }

  @Test
  @Tag("ICE-0240")
  void anAddressOfALoopbackInterfaceIsALoopbackWhateverItIs() {
    assertThat(chosen(settings(), on("lo", "192.0.2.1", Flags.LOOPBACK))).isEmpty();
    assertThat(chosen(settings().loopback(true), on("lo", "192.0.2.1", Flags.LOOPBACK)))
        .containsExactly("192.0.2.1");
  }

  @ParameterizedTest
  @Tag("ICE-0250")
  @Tag("ICE-0260")
  @CsvSource({
    "::192.0.2.1, false",
    "::2, false",
    "fec0::1, false",
    "feff:ffff::1, false",
    "::ffff:192.0.2.1, false",
    "::, false",
    "0.0.0.0, false",
    "ff02::1, false",
    "224.0.0.1, false",
    "255.255.255.255, false",
    "fe80::1%2, true",
    "fd00::1, true",
    "2001:db8::1, true",
    "10.0.0.1, true",
    "169.254.1.1, true"
  })
  void addressesThatMayNotBeOfferedAreLeftOut(String address, boolean used) {
    assertThat(chosen(settings(), address)).hasSize(used ? 1 : 0);
  }

  @Test
  @Tag("ICE-0270")
  void aTemporaryAddressHidesTheTrackableOnesOfItsPrefixAndLinkLocalOnes() {
    assertThat(chosen(
            settings(),
            on("eth0", "2001:db8:1::aaaa", TEMPORARY),
            on("eth0", "2001:db8:1:0:211:22ff:fe33:4455", Flags.NONE),
            on("eth0", "fe80::211:22ff:fe33:4455%2", Flags.NONE)))
        .containsExactly("2001:db8:1::aaaa");
  }

  @Test
  @Tag("ICE-0270")
  void aTemporaryAddressHidesNothingElse() {
    assertThat(chosen(
            settings(),
            on("eth0", "2001:db8:1::aaaa", TEMPORARY),
            on("eth0", "2001:db8:1::bbbb", TEMPORARY),
            on("eth0", "2001:db8:2::1", Flags.NONE),
            on("eth0", "192.0.2.1", Flags.NONE),
            on("eth0", "169.254.1.1", Flags.NONE),
            on("wlan0", "2001:db8:1::1", Flags.NONE),
            on("wlan0", "fe80::1%3", Flags.NONE)))
        .hasSize(7);
  }

  @Test
  @Tag("ICE-0270")
  void aTemporaryAddressThatIsNotUsedHidesNothing() {
    assertThat(chosen(
            settings().interfaceFilter(address -> !address.flags().temporary()),
            on("eth0", "2001:db8:1::aaaa", TEMPORARY),
            on("eth0", "2001:db8:1::1", Flags.NONE)))
        .containsExactly("2001:db8:1::1");
  }

  @Test
  @Tag("ICE-0290")
  void theApplicationChoosesInterfacesAndFamilies() {
    assertThat(chosen(
            settings()
                .interfaceFilter(
                    address -> address.address().isIpv6() && !address.name().startsWith("docker")),
            on("eth0", "192.0.2.1", Flags.NONE),
            on("eth0", "2001:db8::1", Flags.NONE),
            on("docker0", "2001:db8:1::1", Flags.NONE)))
        .containsExactly("2001:db8::1");
  }

  @Test
  @Tag("ICE-1100")
  void withoutAWordFromTheApplicationOnlyTheDefaultRouteIsUsed() {
    IceConfiguration.Builder unasked = IceConfiguration.builder(Role.CONTROLLING, new Random(1));
    assertThat(unasked.build().addressHandling).isEqualTo(AddressHandling.DEFAULT_ROUTE);
    InterfaceAddress[] host = {
      on("eth0", "192.0.2.1", Flags.DEFAULT_ROUTE),
      on("eth0", "2001:db8::1", Flags.DEFAULT_ROUTE),
      on("eth0", "2001:db8::2", Flags.NONE),
      on("tun0", "10.8.0.1", Flags.NONE),
    };
    assertThat(chosen(unasked, host)).containsExactlyInAnyOrder("192.0.2.1", "2001:db8::1");
    assertThat(chosen(unasked.addressHandling(AddressHandling.ALL_INTERFACES), host))
        .hasSize(4);
  }

  @Test
  @Tag("ICE-1110")
  @Tag("ICE-1140")
  void theDefaultRouteIsTheAddressThatTheRoutingTableNamed() {
    for (AddressHandling mode :
        List.of(AddressHandling.DEFAULT_ROUTE, AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY)) {
      assertThat(chosen(
              settings().addressHandling(mode),
              on("eth0", "10.0.0.5", Flags.DEFAULT_ROUTE),
              on("eth0", "10.0.0.6", Flags.NONE),
              on("eth1", "203.0.113.5", Flags.NONE)))
          .containsExactly("10.0.0.5");
    }
  }

  @Test
  @Tag("ICE-0860")
  void ipv6GetsAHeadStartThenTheFamiliesTakeTurns() {
    List<String> addresses = new ArrayList<>(List.of("192.0.2.1", "192.0.2.2"));
    for (int i = 1; i <= 6; i++) {
      addresses.add("2001:db8::" + i);
    }
    assertThat(chosen(settings(), addresses.toArray(String[]::new)))
        .containsExactly(
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8::3",
            "2001:db8::4",
            "192.0.2.1",
            "2001:db8::5",
            "2001:db8::6",
            "192.0.2.2");
  }

  @ParameterizedTest
  @Tag("ICE-0860")
  @CsvSource({"1, 0, 0", "0, 1, -1", "1, 1, 2", "3, 1, 1", "1, 5, 6", "2, 2, 2", "4, 5, 2"})
  void theFirstIpv4ComesAfterTheHeadStart(int ipv4, int ipv6, int headStart) {
    List<String> addresses = new ArrayList<>();
    for (int i = 1; i <= ipv4; i++) {
      addresses.add("192.0.2." + i);
    }
    for (int i = 1; i <= ipv6; i++) {
      addresses.add("2001:db8::" + i);
    }
    List<String> order = chosen(settings(), addresses.toArray(String[]::new));
    assertThat(order).hasSize(ipv4 + ipv6);
    int first = order.indexOf("192.0.2.1");
    assertThat(first).isEqualTo(Math.min(headStart, ipv6));
  }

  @Test
  @Tag("ICE-0860")
  void linkLocalAddressesComeLastAmongIpv6() {
    assertThat(chosen(settings(), "fe80::1%2", "2001:db8::1", "192.0.2.1"))
        .containsExactly("2001:db8::1", "fe80::1%2", "192.0.2.1");
  }

  @Test
  @Tag("ICE-0870")
  void unreliableAddressesComeLastAndNotInTurn() {
    assertThat(chosen(
            settings(),
            on("tun0", "2001:db8:9::1", UNRELIABLE),
            on("eth0", "192.0.2.1", Flags.NONE),
            on("eth0", "192.0.2.2", Flags.NONE),
            on("tun0", "10.8.0.1", UNRELIABLE),
            on("eth0", "2001:db8::1", Flags.NONE)))
        .containsExactly("2001:db8::1", "192.0.2.1", "192.0.2.2", "2001:db8:9::1", "10.8.0.1");
  }

  @Test
  void deprecatedAddressesComeLast() {
    assertThat(chosen(
            settings(),
            on("eth0", "2001:db8::1", DEPRECATED),
            on("eth0", "2001:db8::2", Flags.NONE),
            on("eth0", "192.0.2.1", Flags.NONE)))
        .containsExactly("2001:db8::2", "192.0.2.1", "2001:db8::1");
  }

  @Test
  void anAddressThatTwoInterfacesHaveIsUsedOnce() {
    assertThat(chosen(
            settings(),
            on("eth0", "192.0.2.1", Flags.NONE),
            on("br0", "192.0.2.1", Flags.NONE),
            on("eth0", "fe80::1%2", Flags.NONE),
            on("eth1", "fe80::1%3", Flags.NONE)))
        .containsExactly("fe80::1%2", "fe80::1%3", "192.0.2.1");
  }

  @Test
  void noHostHasMoreAddressesThanAreUsed() {
    String[] addresses = new String[5000];
    for (int i = 0; i < addresses.length; i++) {
      addresses[i] = "10.0." + i / 250 + "." + (i % 250 + 1);
    }
    assertThat(chosen(settings(), addresses)).hasSize(256);
  }

  @Test
  @Tag("ICE-1300")
  void aLiteAgentUsesOneAddressOfEachFamily() {
    assertThat(chosen(
            settings().lite(true),
            "192.0.2.1",
            "192.0.2.2",
            "fe80::1%2",
            "2001:db8::1",
            "2001:db8::2"))
        .containsExactly("2001:db8::1", "192.0.2.1");
  }

  @ParameterizedTest
  @Tag("ICE-1320")
  @CsvSource({
    "192.0.2.1, 35",
    "2001:db8::1, 40",
    "::1, 50",
    "2002:c000:0201::1, 30",
    "2001:0:1::1, 5",
    "2001:1::1, 40",
    "fd00::1, 3",
    "fe80::1, 40",
    "3ffe::1, 1"
  })
  void aLiteAgentWithIpv6PrefersByThePolicyTableOfRfc6724(String address, int preference) {
    LocalAddresses local = new LocalAddresses(settings().lite(true).build());
    local.update(List.of(AgentHarness.address("2001:db8::9")));
    assertThat(local.litePreference(IpAddress.parse(address))).isEqualTo(preference);
  }

  @Test
  @Tag("ICE-1320")
  void aLiteAgentWithIpv4OnlyPrefersItMost() {
    LocalAddresses local = new LocalAddresses(settings().lite(true).build());
    local.update(List.of(AgentHarness.address("192.0.2.1")));
    assertThat(local.litePreference(IpAddress.parse("192.0.2.1"))).isEqualTo(65535);
  }
}
