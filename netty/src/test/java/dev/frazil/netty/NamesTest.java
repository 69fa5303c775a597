package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NamesTest {
  private static final Sockets SOCKETS = Sockets.automatic();
  private static MultiThreadIoEventLoopGroup group;

  @BeforeAll
  static void open() {
    group = new MultiThreadIoEventLoopGroup(1, SOCKETS.handlers());
  }

  @AfterAll
  static void close() throws Exception {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  private static List<String> lookUp(String name, NameServer server) throws Exception {
    Names names = new Names((EventLoop) group.next(), SOCKETS, server.provider());
    CompletableFuture<List<IpAddress>> answer = new CompletableFuture<>();
    names.lookUp(name, answer::complete);
    try {
      return Loopback.await(answer).stream().map(IpAddress::toString).toList();
    } finally {
      names.close();
    }
  }

  @Test
  void addressesOfBothFamiliesAreFound() throws Exception {
    try (NameServer server = new NameServer((name, ipv6, asked) ->
        ipv6 ? List.of("2001:db8::1", "2001:db8::2") : List.of("192.0.2.1", "192.0.2.2"))) {
      assertThat(lookUp("stun.example.org", server))
          .containsExactlyInAnyOrder("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2");
    }
  }

  @Test
  void nameWithoutIpv6AddressIsFound() throws Exception {
    try (NameServer server =
        new NameServer((name, ipv6, asked) -> ipv6 ? List.of() : List.of("192.0.2.1"))) {
      assertThat(lookUp("stun.example.org", server)).containsExactly("192.0.2.1");
    }
  }

  @Test
  void silenceAboutIpv6HoldsIpv4UpNoLongerThanTheResolutionDelay() throws Exception {
    try (NameServer server =
        new NameServer((name, ipv6, asked) -> ipv6 ? null : List.of("192.0.2.1"))) {
      assertThat(lookUp("stun.example.org", server)).containsExactly("192.0.2.1");
      assertThat(server.asked("AAAA stun.example.org"))
          .as("not yet asked again")
          .isEqualTo(1);
    }
  }

  @Test
  void lostQueryIsRepeated() throws Exception {
    try (NameServer server = new NameServer(
        (name, ipv6, asked) -> asked == 1 ? null : ipv6 ? List.of() : List.of("192.0.2.1"))) {
      assertThat(lookUp("stun.example.org", server)).containsExactly("192.0.2.1");
    }
  }

  @Test
  void unknownNameHasNoAddress() throws Exception {
    try (NameServer server = new NameServer((name, ipv6, asked) -> List.of("none"))) {
      assertThat(lookUp("nowhere.example.org", server)).isEmpty();
    }
  }

  @Test
  void deadNameServerEndsInNoAddress() throws Exception {
    try (NameServer server = new NameServer((name, ipv6, asked) -> null)) {
      assertThat(lookUp("stun.example.org", server)).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ".", "..", "a..b", "1.2.3.4.5", "192.0.2.256", "a b", "\u0000", "é.example"})
  void strangeNamesHarmNothing(String name) throws Exception {
    try (NameServer server = new NameServer((asked, ipv6, times) -> List.of("none"))) {
      assertThat(lookUp(name, server)).isEmpty();
    }
  }

  @Test
  void literalsAndLocalhostNeedNoServer() throws Exception {
    try (NameServer server = new NameServer((name, ipv6, asked) -> List.of("192.0.2.9"))) {
      assertThat(lookUp("192.0.2.1", server)).containsExactly("192.0.2.1");
      assertThat(lookUp("2001:db8::1", server)).containsExactly("2001:db8::1");
      assertThat(lookUp("::ffff:192.0.2.1", server)).containsExactly("::ffff:192.0.2.1");
      assertThat(lookUp("localhost", server)).containsExactly("127.0.0.1", "::1");
      assertThat(lookUp("stun.LOCALHOST", server)).containsExactly("127.0.0.1", "::1");
      assertThat(server.questions).isEmpty();
    }
  }

  @Test
  void hostsFileIsHonoured() throws Exception {
    Path hosts = Path.of("/etc/hosts");
    Assumptions.assumeTrue(Files.exists(hosts));
    String[] entry = Files.readAllLines(hosts).stream()
        .map(line -> line.replaceFirst("#.*", "").trim().split("\\s+"))
        .filter(words ->
            words.length > 1 && !words[1].startsWith("localhost") && words[0].contains("."))
        .findFirst()
        .orElse(null);
    Assumptions.assumeTrue(entry != null, "the hosts file has nothing but localhost");
    try (NameServer server = new NameServer((name, ipv6, asked) -> List.of("none"))) {
      assertThat(lookUp(entry[1], server)).contains(entry[0]);
    }
  }
}
