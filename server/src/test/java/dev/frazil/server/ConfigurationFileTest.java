package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.frazil.net.IpAddress;
import dev.frazil.net.IpPrefix;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigurationFileTest {
  @TempDir
  private Path folder;

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("frazil.toml"), text);
  }

  private Settings read(String text) throws Exception {
    return Settings.read(file(text));
  }

  private String complaint(String text) {
    return complaintOf(() -> read(text).build());
  }

  private static String complaintOf(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    String[] message = new String[1];
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(call)
        .satisfies(e -> message[0] = e.getMessage());
    return message[0];
  }

  @Test
  void everySettingCanStandInTheFile() throws Exception {
    ServerConfiguration configuration = read("""
            listen = ["192.0.2.1", "[2001:db8::1]:443"]
            alternate = "192.0.2.2:3480"
            transport = ["udp", "tcp"]
            tls-port = 443
            proxy = ["10.0.0.0/8", "2001:db8::80"]
            relay = "192.0.2.1"
            external = "203.0.113.1"
            ports = "50000-50100"
            realm = "example.org"
            secret = ["new", "old"]
            user-key = "carol:0xbc807ee29df3c9ffa736523fb2c4e8ee"
            oauth-key = "one:AAECAwQFBgcICQoLDA0ODw==:2099-01-01T00:00:00Z"
            oauth-server-name = "turn.example.org"
            allow = ["10.1.0.0/16"]
            deny = ["198.51.100.0/24", "2001:db8:1::/48"]
            allow-loopback-peers = false
            old-channel-numbers = true
            no-old-stun = true
            software = ""
            mobility = true
            tcp-relay = true
            nonce-lifetime = 600
            longest-lifetime = 1800
            allocations = 500
            allocations-per-user = 5
            bandwidth = 1_000_000
            bandwidth-per-user = 10_000
            refusals-per-source = 5
            host = "turn.example.org"
            stun-only = false
            drain = 5
            engine = "nio"
            threads = 2
            batching = 0
            statistics = 0
            full-addresses = true
            metrics = "9641"
            control = "off"
            log-file = "frazil.log"
            log-format = "json"
            log-level = "warning"

            [users]
            alice = "wonder"
            "b.ob" = "builder"
            """).build();
    assertThat(configuration.listen())
        .containsExactly(
            TransportAddress.udp("192.0.2.1", 3478), TransportAddress.udp("2001:db8::1", 443));
    assertThat(configuration.relays()).isTrue();
    assertThat(configuration.proxies())
        .containsExactly(IpPrefix.parse("10.0.0.0/8"), IpPrefix.parse("2001:db8::80/128"));
    assertThat(configuration.drain).hasSeconds(5);
    assertThat(configuration.statistics).isZero();
    assertThat(configuration.fullAddresses).isTrue();
    assertThat(configuration.iceServer("b.ob", Instant.EPOCH).credential()).isEqualTo("builder");
    assertThat(configuration.toString())
        .contains("users=3", "secrets=2", "oauth-keys=1")
        .doesNotContain("wonder", "builder", "new", "old");
  }

  @Test
  void emptyFileMeansBindingRequestsOnAllAddressesAlone() throws Exception {
    ServerConfiguration configuration = read("").build();
    assertThat(configuration.relays()).isFalse();
    assertThat(configuration.listen())
        .containsExactly(
            TransportAddress.udp(IpAddress.ANY4, 3478), TransportAddress.udp(IpAddress.ANY6, 3478));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
          deny = ['10.0.0.0/33']                     | deny:      | 10.0.0.0/33
          deny = ['10.0.0.1/8']                      | deny:      | bits behind its prefix
          allow = 'everything'                       | allow:     | everything
          proxy = ['10.0.0.1/8']                     | proxy:     | bits behind its prefix
          proxy = 'proxy.example.org'                | proxy:     | proxy.example.org
          listen = '192.0.2.1:99999'                 | listen:    | 0 to 65535
          listen = 'turn.example.org'                | listen:    | turn.example.org
          relay = '0.0.0.0'                          | relay:     | one host
          external = ['192.0.2.1', '192.0.2.2']      | external:  | 192.0.2.2
          ports = '80-90'                            | ports:     | 1024 to 65535
          ports = '50000'                            | ports:     | FIRST-LAST
          ports = 50000                              | ports:     | a string
          allocations = 'many'                       | allocations: | a whole number
          allocations = -1                           | allocations: | from 0
          stun-only = 'yes'                          | stun-only: | true or false
          realm = ['a', 'b']                         | realm:     | a string
          secret = ''                                | secret:    | empty
          listening = '192.0.2.1'                    | listening: | no setting
          user = 'a:b'                               | user:      | no setting
          transport = 'tls'                          | transport: | needs a certificate
          transport = 'sctp'                         | transport: | udp, tcp, tls, dtls
          cert = 'none.pem'                          | cert:      | none.pem
          cert = 'frazil.toml'                       | cert:      | no certificate
          key = 'none.pem'                           | key:       | set cert
          tls-port = 99999                           | tls-port:  | 0 to 65535
          user-key = 'alice:0x12'                    | user-key:  | 32 hexadecimal digits
          oauth-key = 'one:AAAA'                     | oauth-key: | 16 or 32 bytes
          oauth-key = 'one'                          | oauth-key: | ID:KEY
          oauth-key = 'one:AAECAwQFBgcICQoLDA0ODw==:soon' | oauth-key: | a time as in
          nonce-lifetime = 7200                      | nonce-lifetime: | from 1 to 3600
          longest-lifetime = 60                      | longest-lifetime: | from 600
          metrics = 'everywhere'                     | metrics:   | everywhere
          log-format = 'xml'                         | log-format: | text or json
          log-level = 'loud'                         | log-level: | error, warning, info or debug
          log-file = ''                              | log-file:  | empty
          engine = 'kqueue'                          | engine:    | auto, epoll, nio
          threads = 0                                | threads:   | from 1 to 64
          batching = 20000                           | batching:  | from 0 to 10000
          bandwidth = -1                             | bandwidth: | from 0
          users = 'a:b'                              | users:     | a table
          """)
  void mistakeIsToldWithFileLineFieldAndRule(String line, String field, String rule) {
    assertThat(complaint("# a comment\n\n" + line + "\n"))
        .startsWith(folder.resolve("frazil.toml") + ":3: " + field)
        .contains(rule);
  }

  @Test
  void everySettingCanBeAFlag() {
    for (Setting setting : Setting.values()) {
      assertThat(setting.key()).matches("[a-z-]+");
      assertThat(setting.help()).endsWith(".");
      assertThat(setting.label().isEmpty()).isEqualTo(setting.kind() == Setting.Kind.FLAG);
    }
  }

  @Test
  void filesAreSeenFromTheFolderOfTheirFile() throws Exception {
    Draft draft = read("log-file = 'frazil.log'\n").draft();
    assertThat(draft.logFile).isEqualTo(folder.resolve("frazil.log"));
    assertThat(read("log-file = '/var/log/frazil.log'\n").draft().logFile)
        .hasToString("/var/log/frazil.log");
  }

  @Test
  void elementOfAnArrayIsToldByItsOwnLine() {
    assertThat(complaint("deny = [\n  '10.1.0.0/16',\n  '10.0.0.0/33',\n]\n"))
        .contains("frazil.toml:3: deny: ");
  }

  @Test
  void syntaxErrorIsToldByItsLine() {
    assertThat(complaint("realm = 'a'\nlisten = [\n")).contains("frazil.toml:3", "not TOML");
    assertThat(complaint("realm = 'a'\nrealm = 'b'\nhost = 'c'\n"))
        .contains("frazil.toml:3", "Duplicate key");
  }

  @Test
  void mistakeInUsersNeverTellsAPassword() {
    assertThat(complaint("[users]\nalice = 'x'\nbob = 7654321\n"))
        .contains("frazil.toml:3: users: ", "bob")
        .doesNotContain("7654321");
    assertThat(complaint("[users]\nalice = 'x'\n'b:ob' = 'pass-word'\n"))
        .contains("frazil.toml:3: users: ", "colon")
        .doesNotContain("pass-word");
    assertThat(complaint("[users]\nalice = \"pass\\u0007word\"\n"))
        .contains("frazil.toml:2: users: ", "password")
        .doesNotContain("pass\u0007word");
  }

  @Test
  @Tag("STUN-1500")
  void alternateAddressIsListenedOnWithBothPorts() throws Exception {
    ServerConfiguration configuration =
        read("listen = ['[2001:db8::1]', '192.0.2.1']\nalternate = '192.0.2.2'\n")
            .build();
    assertThat(configuration.listeners())
        .filteredOn(listener -> listener.kind() == TurnListener.Kind.UDP)
        .extracting(TurnListener::address)
        .containsExactly(
            TransportAddress.udp("2001:db8::1", 3478),
            TransportAddress.udp("192.0.2.1", 3478),
            TransportAddress.udp("192.0.2.1", 3479),
            TransportAddress.udp("192.0.2.2", 3478),
            TransportAddress.udp("192.0.2.2", 3479));
    assertThat(read("listen = '192.0.2.1'\n").build().binding().discovery()).isNull();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
          alternate = '192.0.2.2'                                            | needs another address of its family
          alternate = '192.0.2.2'@listen = '0.0.0.0'                         | needs another address of its family
          alternate = '192.0.2.2'@listen = '2001:db8::1'                     | needs another address of its family
          alternate = '192.0.2.2'@listen = '192.0.2.2'                       | needs another address of its family
          alternate = '192.0.2.2:3478'@listen = '192.0.2.1'                  | has to differ
          alternate = '192.0.2.2:0'@listen = '192.0.2.1'                     | with a port
          alternate = '192.0.2.2'@listen = '192.0.2.1'@transport = 'tcp'@secret = 'north' | needs the transport udp
          """)
  void alternateAddressThatDoesNotFitIsToldWithItsLine(String text, String rule) {
    assertThat(complaint(text.replace('@', '\n')))
        .contains("frazil.toml:1: alternate: ", "192.0.2.2", rule);
  }

  @Test
  void externalAddressHasToHaveOneRelayAddress() {
    assertThat(complaint("relay = ['192.0.2.1', '192.0.2.2']\nexternal = '203.0.113.1'\n"))
        .contains("frazil.toml:2: external: ", "203.0.113.1", "there are 2");
    assertThat(complaint("relay = '192.0.2.1'\nexternal = '2001:db8::1'\n"))
        .contains("there are 0");
  }

  @Test
  void flagCountsInsteadOfTheFile() throws Exception {
    Settings settings = read("listen = '192.0.2.1'\n[users]\nalice = 'x'\n");
    ServerConfiguration configuration = settings
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.STUN_ONLY, List.of("true"))
        .build();
    assertThat(configuration.listen()).containsExactly(TransportAddress.udp("127.0.0.1", 0));
    assertThat(configuration.relays()).isFalse();
  }

  @Test
  void mistakeInAFlagNamesTheFlag() {
    assertThat(complaintOf(
            () -> new Settings().set(Setting.DENY, List.of("10.0.0.0/33")).build()))
        .startsWith("--deny: ")
        .contains("10.0.0.0/33");
    assertThat(complaintOf(
            () -> new Settings().set(Setting.USER, List.of("secret-word")).build()))
        .startsWith("--user: ")
        .contains("NAME:PASSWORD")
        .doesNotContain("secret-word");
  }

  @Test
  void fileThatIsNotThereIsToldAsSuch() {
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> Settings.read(folder.resolve("none.toml")))
        .withMessageContaining("none.toml");
  }

  @Test
  void usersOfASecretGetACredentialThatEnds() throws Exception {
    ServerConfiguration configuration =
        read("secret = ['new', 'old']\nhost = 'turn.example.org'\nlisten = '192.0.2.1:3479'\n")
            .build();
    IceServer server = configuration.iceServer("alice", Instant.ofEpochSecond(1_800_000_000));
    assertThat(server.urls())
        .containsExactly(
            "stun:turn.example.org:3479",
            "turn:turn.example.org:3479?transport=udp",
            "turn:turn.example.org:3479?transport=tcp");
    assertThat(server.username()).isEqualTo("1800000000:alice");
    // printf 1800000000:alice | openssl dgst -sha1 -hmac new -binary | base64
    assertThat(server.credential()).isEqualTo("+UobCI65rxFIagwGKdwHuKNuJ9E=");
    assertThat(server.toString()).doesNotContain(server.credential());
  }

  @Test
  void unknownUserWithoutASecretGetsNoCredential() {
    assertThat(complaintOf(
            () -> read("[users]\nalice = 'x'\n").build().iceServer("bob", Instant.EPOCH)))
        .contains("user 'bob'");
  }
}
