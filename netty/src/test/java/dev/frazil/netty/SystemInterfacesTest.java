package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.InterfaceAddress;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.SocketAddresses;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class SystemInterfacesTest {
  private final List<InterfaceAddress> addresses;

  SystemInterfacesTest() throws IOException {
    addresses = SystemInterfaces.INSTANCE.addresses();
  }

  @Test
  void loopbackIsTold() {
    assertThat(addresses)
        .filteredOn(address -> address.address().equals(IpAddress.parse("127.0.0.1")))
        .singleElement()
        .satisfies(loopback -> {
          assertThat(loopback.flags().loopback()).isTrue();
          assertThat(loopback.flags().defaultRoute()).isFalse();
          assertThat(loopback.prefixLength()).isEqualTo(8);
        });
  }

  @Test
  void onlyLinkLocalAddressesHaveAScopeAndItIsTheirInterface() throws Exception {
    for (InterfaceAddress address : addresses) {
      IpAddress ip = address.address();
      int index = NetworkInterface.getByName(address.name()).getIndex();
      assertThat(ip.scopeId()).isEqualTo(ip.isIpv6() && ip.isLinkLocal() ? index : 0);
    }
  }

  @Test
  void everyAddressCanBeBound() throws Exception {
    for (InterfaceAddress address : addresses) {
      InetSocketAddress local =
          new InetSocketAddress(SocketAddresses.toInetAddress(address.address()), 0);
      try (DatagramSocket socket = new DatagramSocket(local)) {
        assertThat(socket.isBound()).isTrue();
      }
    }
  }

  @Test
  void atMostOneAddressOfAFamilyIsOnTheDefaultRoute() {
    for (int family : new int[] {4, 6}) {
      assertThat(addresses)
          .filteredOn(address -> address.address().family() == family)
          .filteredOn(address -> address.flags().defaultRoute())
          .hasSizeLessThan(2);
    }
  }

  @Test
  @Tag("ICE-1140")
  void defaultRouteIsAskedOfTheRoutingTableWithoutSendingAnything() throws Exception {
    Path table = Path.of("/proc/net/route");
    Assumptions.assumeTrue(Files.exists(table), "only Linux tells");
    boolean hasDefault = Files.readAllLines(table).stream()
        .skip(1)
        .anyMatch(line -> line.split("\t")[1].equals("00000000"));
    Wait.until(
        () -> { // others on the host may send in the middle of a round, but not in each
          long before = datagramsSent();
          DefaultRoutes.addresses();
          return datagramsSent() == before;
        });

    Set<IpAddress> picked = DefaultRoutes.addresses();
    assertThat(picked.stream().anyMatch(IpAddress::isIpv4)).isEqualTo(hasDefault);
    assertThat(addresses.stream()
            .filter(address -> address.flags().defaultRoute())
            .map(address -> address.address().withScopeId(0)))
        .containsExactlyInAnyOrderElementsOf(picked);
  }

  /** OutDatagrams of UDP, as the kernel counts them for both families. */
  private static long datagramsSent() throws IOException {
    List<String> udp = Files.readAllLines(Path.of("/proc/net/snmp")).stream()
        .filter(line -> line.startsWith("Udp:"))
        .toList();
    int column = List.of(udp.get(0).split(" ")).indexOf("OutDatagrams");
    long sent = Long.parseLong(udp.get(1).split(" ")[column]);
    Path ipv6 = Path.of("/proc/net/snmp6");
    if (!Files.exists(ipv6)) {
      return sent;
    }
    return sent
        + Files.readAllLines(ipv6).stream()
            .filter(line -> line.startsWith("Udp6OutDatagrams"))
            .mapToLong(line -> Long.parseLong(line.split("\\s+")[1]))
            .sum();
  }

  @Test
  void transitionTunnelsAreUnreliable() {
    assertThat(List.of(
            "2001:0:1::1",
            "2002:c000:201::1",
            "2001:db8::5efe:c000:201",
            "2001:db8::200:5efe:c000:201"))
        .allMatch(ip -> SystemInterfaces.isTunnel(IpAddress.parse(ip)));
    assertThat(List.of("2001:db8::1", "fd00::1", "192.0.2.1"))
        .noneMatch(ip -> SystemInterfaces.isTunnel(IpAddress.parse(ip)));
  }
}
