package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.turn.PeerFilter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CoturnConfigurationTest {
  private static final String USER = "user=alice:wonder\n";

  @TempDir
  private Path folder;

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("turnserver.conf"), text);
  }

  private Settings read(String text) throws Exception {
    return Settings.readCoturn(file(text));
  }

  private String complaint(String text) {
    String[] message = new String[1];
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(() -> read(text).build())
        .satisfies(e -> message[0] = e.getMessage());
    return message[0];
  }

  private Draft draft(String text) throws Exception {
    return read(text).draft();
  }

  @Test
  void linesAreReadAsCoturnReadsThem() throws Exception {
    ServerConfiguration configuration = read("""
        # a comment
          listening-ip = 192.0.2.1
        listening-ip	2001:db8::1

        listening-port=3479
        realm="example.org"
        user=alice:won#der=1
        static-auth-secret = north
        stun-only=no
        """).build();
    assertThat(configuration.listen())
        .containsExactly(
            TransportAddress.udp("192.0.2.1", 3479), TransportAddress.udp("2001:db8::1", 3479));
    assertThat(configuration.relays()).isTrue();
    assertThat(configuration.iceServer("alice", Instant.EPOCH).credential()).isEqualTo("won#der=1");
    assertThat(configuration.iceServer("bob", Instant.EPOCH).username()).isEqualTo("0:bob");
    assertThat(configuration.toString()).contains("realm=\"example.org\"");
  }

  @Test
  void portAloneHoldsForAllAddresses() throws Exception {
    assertThat(read("listening-port=3479\n").build().listen())
        .containsExactly(
            TransportAddress.udp(IpAddress.ANY4, 3479), TransportAddress.udp(IpAddress.ANY6, 3479));
  }

  @Test
  void auxiliaryServersAreListenedOnBesideTheOthers() throws Exception {
    assertThat(read("aux-server=[2001:db8::2]:80\n").build().listen())
        .containsExactly(
            TransportAddress.udp("2001:db8::2", 80),
            TransportAddress.udp(IpAddress.ANY4, 3478),
            TransportAddress.udp(IpAddress.ANY6, 3478));
  }

  @Test
  void relayAndExternalAddressesAndPortsAreTaken() throws Exception {
    Draft draft = draft("""
        relay-ip=192.0.2.1
        relay-ip=192.0.2.2
        external-ip=203.0.113.1/192.0.2.1
        external-ip=203.0.113.2/192.0.2.2
        min-port=50000
        """);
    assertThat(draft.relay.relays(List.of(), new HostAddresses(List.of())))
        .extracting(Object::toString)
        .containsExactly(
            "Relay[local=192.0.2.1, external=203.0.113.1, firstPort=50000, lastPort=65535]",
            "Relay[local=192.0.2.2, external=203.0.113.2, firstPort=50000, lastPort=65535]");
  }

  @Test
  void keyOfTurnadminIsTheUsersKey() throws Exception {
    // turnadmin -k -u ninefingers -r north.gov -p youhavetoberealistic
    Draft draft = draft("realm=north.gov\nuser=ninefingers:0xbc807ee29df3c9ffa736523fb2c4e8ee\n");
    assertThat(draft.userKeys.get("ninefingers"))
        .isEqualTo(SettingText.hex("0xbc807ee29df3c9ffa736523fb2c4e8ee"));
    Accounts accounts = new Accounts(Map.of(), draft.userKeys, List.of());
    assertThat(accounts.algorithms()).containsExactly(PasswordAlgorithm.MD5);
    assertThat(accounts.key("ninefingers", "north.gov", PasswordAlgorithm.MD5))
        .isInstanceOf(IntegrityKey.class);
    assertThat(accounts.key("ninefingers", "north.gov", PasswordAlgorithm.SHA_256))
        .isNull();
  }

  @Test
  void transportsAreThoseThatAreNotSwitchedOff() throws Exception {
    assertThat(read(USER + "no-tcp\n").build().listeners())
        .extracting(TurnListener::kind)
        .containsOnly(TurnListener.Kind.UDP);
    assertThat(read(USER + "no-tls\nno-dtls\nno-udp=no\n").build().listeners())
        .extracting(TurnListener::kind)
        .containsOnly(TurnListener.Kind.UDP, TurnListener.Kind.TCP);
    assertThat(complaint(USER + "no-udp\nno-tcp\n")).contains(":3: no-tcp: leaves no transport");
  }

  @Test
  void certificatesAreSeenFromTheFolderOfTheFile() throws Exception {
    Draft draft = draft("cert=turn.pem\npkey=/etc/key.pem\ntls-listening-port=443\n");
    assertThat(draft.certificate).isEqualTo(folder.resolve("turn.pem"));
    assertThat(draft.key).hasToString("/etc/key.pem");
    assertThat(draft.tlsPort).isEqualTo(443);
  }

  @Test
  void tcpToPeersIsServedUnlessSwitchedOff() throws Exception {
    assertThat(draft("").tcpRelay).isTrue();
    assertThat(draft("no-tcp-relay\n").tcpRelay).isFalse();
  }

  @Test
  void zeroIsNoQuota() throws Exception {
    Draft draft = draft("user-quota=0\ntotal-quota=0\nmax-bps=0\nbps-capacity=0\n");
    assertThat(draft.allocations).isEqualTo(Integer.MAX_VALUE);
    assertThat(draft.allocationsPerUser).isEqualTo(Integer.MAX_VALUE);
    assertThat(draft.bandwidth).isZero();
    assertThat(draft.bandwidthPerUser).isZero();
  }

  @Test
  void quotasAndBandwidthAreTakenTheLastOfEachCounting() throws Exception {
    Draft draft =
        draft("user-quota=3\nuser-quota=5\ntotal-quota=50\nmax-bps=1000\nbps-capacity=9000\n");
    assertThat(draft.allocationsPerUser).isEqualTo(5);
    assertThat(draft.allocations).isEqualTo(50);
    assertThat(draft.bandwidthPerUser).as("of both ways together").isEqualTo(2000);
    assertThat(draft.bandwidth).isEqualTo(18_000);
  }

  @Test
  void whatIsAllowedIsReachedEvenThoughItIsDenied() throws Exception {
    PeerFilter filter = draft("""
        denied-peer-ip=203.0.113.0-203.0.113.255
        allowed-peer-ip=203.0.113.10-203.0.113.20
        allowed-peer-ip=10.1.0.0-10.1.255.255
        denied-peer-ip=10.1.2.3
        denied-peer-ip=2001:db8::-2001:db8::ff
        """).peers.filter(new HostAddresses(List.of()), List.of());
    for (String ip : List.of("203.0.113.10", "203.0.113.20", "10.1.2.3", "198.51.100.1")) {
      assertThat(filter.permits(IpAddress.parse(ip))).as(ip).isTrue();
    }
    for (String ip : List.of("203.0.113.9", "203.0.113.21", "10.2.0.1", "2001:db8::7")) {
      assertThat(filter.permits(IpAddress.parse(ip))).as(ip).isFalse();
    }
  }

  @Test
  void threadsAreTakenAndNoneIsOne() throws Exception {
    assertThat(draft("relay-threads=3\n").threads).isEqualTo(3);
    assertThat(draft("relay-threads=0\n").threads).isEqualTo(1);
  }

  @Test
  void protocolOptionsAreTaken() throws Exception {
    Draft draft = draft("mobility\nstale-nonce\nmax-allocate-lifetime=7200\nno-software-attribute\n"
        + "no-stun-backward-compatibility\n");
    assertThat(draft.mobility).isTrue();
    assertThat(draft.nonceLifetime).isEqualTo(600);
    assertThat(draft.longestLifetime).isEqualTo(7200);
    assertThat(draft.software).isEmpty();
    assertThat(draft.noOldStun).isTrue();
    assertThat(draft.oldChannelNumbers).isTrue();
  }

  @Test
  void metricsAreToldToThisHostAlone() throws Exception {
    assertThat(draft("prometheus\nprometheus-port=9100\n").metrics)
        .isEqualTo(TransportAddress.udp("127.0.0.1", 9100));
    assertThat(draft("prometheus\n").metrics).isEqualTo(TransportAddress.udp("127.0.0.1", 9641));
    assertThat(draft("prometheus-port=9100\n").metrics).isNull();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
          prometheus              | prometheus    | 127.0.0.1:9641
          pidfile=/run/turn.pid   | pidfile       | systemd
          cli-password=qwerty     | cli-password  | frazil sessions
          userdb=/var/db/turndb   | userdb        | no database
          secure-stun             | secure-stun   | answered to everybody
          stale-nonce=0           | stale-nonce   | an hour
          max-bps=1000            | max-bps       | all sessions of a user
          use-auth-secret         | use-auth-secret | static-auth-secret
          no-such-option=1        | no-such-option | no such option
          allocation-default-address-family=keep | allocation-default-address-family | IPv4
          """)
  void whatHasNoEffectOrAnotherIsNamedWithItsLineAndWhy(String line, String option, String why)
      throws Exception {
    assertThat(read("# a comment\n" + line + "\n" + USER).notes())
        .filteredOn(note -> note.startsWith(folder.resolve("turnserver.conf") + ":2: "))
        .singleElement()
        .asString()
        .contains(":2: " + option + ": ", why)
        .doesNotContain("qwerty");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
          no-auth                          | no-auth:        | everybody could relay
          listening-ip=turn.example.org    | listening-ip:   | turn.example.org
          listening-port=99999             | listening-port: | 0 to 65535
          denied-peer-ip=10.0.0.9-10.0.0.1 | denied-peer-ip: | lower address first
          denied-peer-ip=everything        | denied-peer-ip: | everything
          external-ip=::                   | external-ip:    | one host
          min-port=80                      | min-port:       | 1024 to 65535
          user-quota=many                  | user-quota:     | whole number
          user=alice                       | user:           | NAME:PASSWORD
          user=alice:0xpass                | user:           | hexadecimal
          user=alice:0xbc807ee2            | user:           | 32 hexadecimal digits
          mobility=perhaps                 | mobility:       | yes or no
          static-auth-secret               | static-auth-secret: | empty
          stale-nonce=-1                   | stale-nonce:    | whole number
          """)
  void mistakeIsToldWithFileLineOptionAndRule(String line, String option, String rule) {
    assertThat(complaint("# a comment\n\n" + line + "\n"))
        .startsWith(folder.resolve("turnserver.conf") + ":3: " + option)
        .contains(rule)
        .doesNotContain("0xpass", "bc807ee2");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
          listening-ip=192.0.2.1@listening-ip=2001:db8::1@listening-ip=192.0.2.2 | 192.0.2.2:3479
          listening-ip=192.0.2.1@listening-ip=192.0.2.2@listening-port=5000      | 192.0.2.2:5001
          listening-ip=192.0.2.1@listening-ip=192.0.2.2@alt-listening-port=0     | 192.0.2.2:3479
          listening-ip=192.0.2.1@listening-ip=192.0.2.2@alt-listening-port=3500  | 192.0.2.2:3500
          listening-ip=2001:db8::1@listening-ip=2001:db8::2                      | [2001:db8::2]:3479
          listening-ip=192.0.2.1@listening-ip=2001:db8::1                        | null
          listening-ip=192.0.2.1@listening-ip=192.0.2.2@no-rfc5780               | null
          listening-ip=192.0.2.1@listening-ip=192.0.2.2@no-udp                   | null
          """)
  void twoAddressesOfAFamilyServeDiscovery(String text, String alternate) throws Exception {
    Settings settings = read(text.replace('@', '\n') + "\n" + USER);
    assertThat(String.valueOf(settings.draft().alternate)).isEqualTo(alternate);
    assertThat(settings.build().binding().discovery() == null).isEqualTo(alternate.equals("null"));
    assertThat(settings.notes()).noneMatch(note -> note.contains("5780"));
  }

  @Test
  void alternatePortAloneHasNoEffect() throws Exception {
    assertThat(read("listening-ip=192.0.2.1\nalt-listening-port=3479\n" + USER).notes())
        .anyMatch(note -> note.contains(":2: alt-listening-port: has no effect: "));
  }

  @Test
  void serverOfStunAloneNeedsNoUsers() throws Exception {
    assertThat(read("no-auth\nstun-only\n").build().stunOnly()).isTrue();
  }

  /** As the program itself names them; those of turnadmin are not for a file. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "CA-file",
        "acme-redirect",
        "alternate-server",
        "aux-server",
        "cert",
        "channel-lifetime",
        "check-origin-consistency",
        "cipher-list",
        "cli-ip",
        "daemon",
        "dh-file",
        "ec-curve-name",
        "fingerprint",
        "keep-address-family",
        "listening-device",
        "log-binding",
        "lt-cred-mech",
        "max-allocate-timeout",
        "mysql-userdb",
        "no-auth-pings",
        "no-cli",
        "no-dynamic-realms",
        "no-multicast-peers",
        "no-rfc5780",
        "no-stdout-log",
        "no-stun",
        "no-tlsv1_2",
        "no-udp-relay",
        "permission-lifetime",
        "pkey-pwd",
        "proc-group",
        "psql-userdb",
        "redis-statsdb",
        "relay-device",
        "relay-threads",
        "rest-api-separator",
        "secret-key-file",
        "server-name",
        "server-relay",
        "simple-log",
        "syslog-facility",
        "tcp-proxy-port",
        "tls-alternate-server",
        "tls-listening-port",
        "udp-self-balance",
        "web-admin-port",
        "no-tcp",
        "no-udp",
        "no-tls",
        "no-dtls",
        "no-tcp-relay",
        "alt-listening-port",
        "alt-tls-listening-port",
        "oauth",
        "prometheus",
        "prometheus-port",
        "log-file",
        "syslog",
        "verbose",
        "Verbose",
        "no-dynamic-ip-list",
        "new-log-timestamp",
        "pidfile"
      })
  void everyOptionOfCoturnIsKnown(String option) {
    assertThat(CoturnOption.of(option)).as(option).isNotNull();
  }
}
