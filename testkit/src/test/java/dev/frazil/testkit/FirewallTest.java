package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.FirewallPolicy.Inbound;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FirewallTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final VirtualInternet net = new VirtualInternet(1);
  private final Host alice = net.host("alice");
  private final Host server = net.host("server");

  private Firewall firewall(FirewallPolicy policy) {
    Network office = net.network("office");
    alice.attach(office, "2001:db8:1::10/64");
    server.attach(net.internet(), "2001:db8::1", "2001:db8::2");
    return net.firewall("firewall", office, net.internet(), policy, "2001:db8:1::/48");
  }

  @ParameterizedTest
  @EnumSource
  void letsInWhatThePolicySays(Inbound inbound) {
    firewall(FirewallPolicy.OUTBOUND_ONLY.withInbound(inbound));
    Peer inside = new Peer(alice, "2001:db8:1::10", 5000);
    Peer untouched = new Peer(alice, "2001:db8:1::10", 5001);
    Peer one = new Peer(server, "2001:db8::1", 3478);
    Peer otherPort = new Peer(server, "2001:db8::1", 3479);
    Peer otherAddress = new Peer(server, "2001:db8::2", 3478);
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    assertThat(one.lastSender()).isEqualTo(inside.local());

    one.send(inside.local(), "answer");
    otherPort.send(inside.local(), "other port");
    otherAddress.send(inside.local(), "other address");
    one.send(untouched.local(), "unasked");
    net.runFor(SECOND);

    List<String> expected = new ArrayList<>(List.of("answer"));
    if (inbound != Inbound.FROM_CONTACTED_ENDPOINTS) {
      expected.add("other port");
    }
    if (inbound == Inbound.EVERYTHING || inbound == Inbound.TO_ACTIVE_ENDPOINTS) {
      expected.add("other address");
    }
    assertThat(inside.texts()).isEqualTo(expected);
    assertThat(untouched.heard).hasSize(inbound == Inbound.EVERYTHING ? 1 : 0);
    assertThat(net.statistics().dropped(DropReason.UNSOLICITED))
        .isEqualTo(3 - inside.heard.size() + 1 - untouched.heard.size());
  }

  @Test
  void contactEndsWithTheTimeout() {
    firewall(FirewallPolicy.OUTBOUND_ONLY.withTimeout(Duration.ofMinutes(2)));
    Peer inside = new Peer(alice, "2001:db8:1::10", 5000);
    Peer one = new Peer(server, "2001:db8::1", 3478);
    inside.send(one.local(), "x");
    net.runFor(Duration.ofSeconds(119));
    one.send(inside.local(), "in time");
    net.runFor(Duration.ofSeconds(2));
    one.send(inside.local(), "late");
    net.runFor(SECOND);
    assertThat(inside.texts()).containsExactly("in time");
  }

  @Test
  void rebootForgetsWhoHasContactedWhom() {
    Firewall firewall = firewall(FirewallPolicy.OUTBOUND_ONLY);
    Peer inside = new Peer(alice, "2001:db8:1::10", 5000);
    Peer one = new Peer(server, "2001:db8::1", 3478);
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    firewall.reboot();
    one.send(inside.local(), "lost");
    net.runFor(SECOND);
    assertThat(inside.heard).isEmpty();
  }

  @Test
  void blockedUdpPassesInNoDirectionWhileTcpGoesOut() {
    Firewall firewall = firewall(FirewallPolicy.UDP_BLOCKED);
    Peer inside = new Peer(alice, "2001:db8:1::10", 5000);
    Peer one = new Peer(server, "2001:db8::1", 3478);
    inside.send(one.local(), "x");
    one.send(inside.local(), "x");
    net.runFor(SECOND);
    assertThat(inside.heard).isEmpty();
    assertThat(one.heard).isEmpty();
    assertThat(net.statistics().dropped(DropReason.FIREWALL)).isEqualTo(2);
    assertThat(firewall.policy().allowsOutbound(tcp(3478))).isTrue();
  }

  @Test
  void onlyTcpToPort443IsExpressibleForPacketsOfBothTransports() {
    firewall(FirewallPolicy.ONLY_TCP_443);
    List<TransportAddress> arrived = new ArrayList<>();
    for (int port : List.of(80, 443)) {
      server.bind(tcp(port), (path, payload, now) -> arrived.add(path.local()));
      server.bind(
          TransportAddress.udp("2001:db8::1", port),
          (path, payload, now) -> arrived.add(path.local()));
    }
    TransportAddress local = TransportAddress.udp("2001:db8:1::10", 5000);
    VirtualSocket udp = alice.bind(local, (path, payload, now) -> {});
    VirtualSocket tcp = alice.bind(
        new TransportAddress(local.ip(), 5000, Transport.TCP), (path, payload, now) -> {});
    for (int port : List.of(80, 443)) {
      udp.send(TransportAddress.udp("2001:db8::1", port), ByteBuffer.allocate(10));
      tcp.send(tcp(port), ByteBuffer.allocate(10));
    }
    net.runFor(SECOND);
    assertThat(arrived).containsExactly(tcp(443));
  }

  @Test
  void policyMayChangeWhileRunning() {
    Firewall firewall = firewall(FirewallPolicy.UDP_BLOCKED);
    Peer inside = new Peer(alice, "2001:db8:1::10", 5000);
    Peer one = new Peer(server, "2001:db8::1", 3478);
    inside.send(one.local(), "blocked");
    net.runFor(SECOND);
    firewall.policy(FirewallPolicy.OPEN);
    inside.send(one.local(), "open");
    net.runFor(SECOND);
    assertThat(one.texts()).containsExactly("open");
  }

  @Test
  void badPolicyIsRefusedByName() {
    assertThatThrownBy(() -> FirewallPolicy.OPEN.withRemotePorts(Set.of(0)))
        .hasMessageContaining("remotePorts");
    assertThatThrownBy(() -> FirewallPolicy.OPEN.withTimeout(Duration.ZERO))
        .hasMessageContaining("timeout");
  }

  private static TransportAddress tcp(int port) {
    return new TransportAddress(TransportAddress.udp("2001:db8::1", 0).ip(), port, Transport.TCP);
  }
}
