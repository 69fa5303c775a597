package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdviceTest {
  private static final String STRONG = "0123456789abcdef0123456789abcdef";

  @TempDir
  private Path folder;

  private static Settings settings() {
    return new Settings().set(Setting.LISTEN, List.of("127.0.0.1:0"));
  }

  @Test
  void soundConfigurationIsNotWarnedOf() throws Exception {
    assertThat(settings().set(Setting.SECRET, List.of(STRONG)).build().advice()).isEmpty();
    assertThat(settings().build().advice()).isEmpty();
  }

  @Test
  void weakSecretsAndPasswordsAreToldWithoutThem() throws Exception {
    List<String> advice = settings()
        .set(Setting.SECRET, List.of("north", STRONG))
        .set(Setting.USER, List.of("alice:wonder", "bob:" + STRONG))
        .build()
        .advice();
    assertThat(advice).hasSize(2);
    assertThat(advice.get(0)).startsWith("secret: 1 of 2 ").contains("openssl rand");
    assertThat(advice.get(1)).startsWith("user: ").contains("\"alice\"", "openssl rand");
    assertThat(String.join("", advice)).doesNotContain("north", "wonder");
  }

  @Test
  void openDoorsAreTold() throws Exception {
    assertThat(settings()
            .set(Setting.SECRET, List.of(STRONG))
            .set(Setting.ALLOW_LOOPBACK_PEERS, List.of("true"))
            .set(Setting.METRICS, List.of("0.0.0.0:9641"))
            .build()
            .advice())
        .anySatisfy(words -> assertThat(words).startsWith("allow-loopback-peers: "))
        .anySatisfy(words -> assertThat(words).startsWith("metrics: 0.0.0.0:9641 "));
  }

  @Test
  void certificateThatExpiresIsToldInTime() throws Exception {
    Instant now = Instant.now();
    assertThat(about(now.plus(Duration.ofDays(60)))).isEmpty();
    assertThat(about(now.plus(Duration.ofDays(3))))
        .singleElement()
        .asString()
        .startsWith("cert: expires at ")
        .contains("in 2 days", "SIGHUP");
    assertThat(about(now.minus(Duration.ofDays(1))))
        .singleElement()
        .asString()
        .startsWith("cert: has expired at ");
  }

  private List<String> about(Instant expiry) throws Exception {
    X509Bundle bundle = new CertificateBuilder()
        .subject("CN=turn.example.org")
        .setIsCertificateAuthority(true)
        .notBefore(expiry.minus(Duration.ofDays(90)))
        .notAfter(expiry)
        .ecp256()
        .buildSelfSigned();
    Path file = Files.writeString(
        folder.resolve("both.pem"), bundle.getPrivateKeyPEM() + bundle.getCertificatePEM());
    return settings()
        .set(Setting.SECRET, List.of(STRONG))
        .set(Setting.HOST, List.of("turn.example.org"))
        .set(Setting.CERT, List.of(file.toString()))
        .build()
        .advice();
  }

  @Test
  void lowPortsAreToldWhereTheProcessMayNotBindThem() throws Exception {
    List<TransportAddress> listeners =
        List.of(TransportAddress.udp("0.0.0.0", 443), TransportAddress.udp("0.0.0.0", 3478));
    assertThat(Advice.aboutPorts(listeners, proc("0000000000000000", "1024")))
        .singleElement()
        .asString()
        .contains("[443]", "CAP_NET_BIND_SERVICE");
    assertThat(Advice.aboutPorts(listeners, proc("0000000000000400", "1024"))).isEmpty();
    assertThat(Advice.aboutPorts(listeners, proc("0000000000000000", "80"))).isEmpty();
    assertThat(Advice.aboutPorts(listeners, folder.resolve("none"))).isEmpty();
  }

  private Path proc(String rights, String first) throws IOException {
    Path proc = folder.resolve("proc");
    Files.createDirectories(proc.resolve("self"));
    Files.createDirectories(proc.resolve("sys/net/ipv4"));
    Files.writeString(proc.resolve("self/status"), "Name:\tjava\nCapEff:\t" + rights + "\n");
    Files.writeString(proc.resolve("sys/net/ipv4/ip_unprivileged_port_start"), first + "\n");
    return proc;
  }
}
