package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The candidate attribute: RFC 8839 5.1. */
class CandidateLineTest {
  private static final String ICE_CHARS =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  private static Candidate parsed(String line) {
    Candidate candidate = Candidate.parse(line);
    assertThat(candidate).as(line).isNotNull();
    return candidate;
  }

  @Test
  @Tag("SIG-0400")
  void everyFieldStandsInItsPlace() {
    Candidate candidate = new Candidate(
        "a+/9",
        2,
        1694498814,
        TransportAddress.udp("192.0.2.3", 45664),
        CandidateType.SERVER_REFLEXIVE,
        TransportAddress.udp("10.0.1.1", 8998),
        Map.of("generation", "0"));
    assertThat(candidate.toLine())
        .isEqualTo("candidate:a+/9 2 udp 1694498814 192.0.2.3 45664 typ srflx"
            + " raddr 10.0.1.1 rport 8998 generation 0");
  }

  @ParameterizedTest
  @Tag("SIG-0400")
  @ValueSource(
      strings = {
        "candidate:1 1 udp 1 192.0.2.3 1 host",
        "candidate:1 1 udp 1 192.0.2.3 1 type host",
        "candidate:1 1 udp 1 192.0.2.3 typ host 1",
        "candidate:1 udp 1 1 192.0.2.3 1 typ host",
        "candidate:1 1 udp 192.0.2.3 1 1 typ host",
        "candidate:1  1 udp 1 192.0.2.3 1 typ host",
        "candidate: 1 1 udp 1 192.0.2.3 1 typ host",
        "1 1 udp 1 192.0.2.3 1 typ host",
        "m=audio 1 RTP/AVP 0",
        "candidate:",
        ""
      })
  void anotherOrderIsRefused(String line) {
    assertThatIllegalArgumentException().isThrownBy(() -> Candidate.parse(line));
  }

  @Test
  @Tag("SIG-0400")
  @Tag("ICE-0030")
  void whatIsWrittenIsReadAsTheSame() {
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      Candidate candidate = random(random);
      assertThat(Candidate.parse(candidate.toLine())).isEqualTo(candidate);
      assertThat(parsed(candidate.toLine()).extensions().keySet())
          .containsExactlyElementsOf(candidate.extensions().keySet());
    }
  }

  private static Candidate random(Random random) {
    CandidateType type = CandidateType.values()[random.nextInt(4)];
    Transport transport = Transport.values()[random.nextInt(2)];
    Map<String, String> extensions = new LinkedHashMap<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      extensions.put("x" + random.nextInt(100), visible(random, 1 + random.nextInt(9)));
    }
    boolean related = type != CandidateType.HOST && random.nextBoolean();
    return new Candidate(
        iceChars(random, 1 + random.nextInt(32)),
        1 + random.nextInt(256),
        1 + random.nextInt(Integer.MAX_VALUE),
        address(random, transport),
        type,
        related ? address(random, transport) : null,
        extensions);
  }

  private static TransportAddress address(Random random, Transport transport) {
    IpAddress ip = random.nextBoolean()
        ? IpAddress.ofIpv4(random.nextInt() | 1)
        : IpAddress.ofIpv6(random.nextLong(), random.nextLong() | 1);
    return new TransportAddress(ip, random.nextInt(65536), transport);
  }

  private static String iceChars(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(ICE_CHARS.charAt(random.nextInt(ICE_CHARS.length())));
    }
    return text.toString();
  }

  private static String visible(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('!' + random.nextInt(94)));
    }
    return text.toString();
  }

  @Test
  @Tag("SIG-0400")
  void noTextMakesTheReaderThrowAnythingElse() {
    Random random = new Random(2);
    String alphabet = "candidate:1 udptyphostsrflx.%[]-= \t\r\n\0\u00e9\ud83d\ude00:0999";
    for (int i = 0; i < 50_000; i++) {
      StringBuilder line = new StringBuilder(
          random.nextBoolean() ? random(random).toLine() : "candidate:1 1 udp 1 192.0.2.1 1 typ ");
      for (int edit = random.nextInt(6); edit > 0; edit--) {
        line.setCharAt(
            random.nextInt(line.length()), alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        Candidate read = Candidate.parse(line.toString());
        if (read != null) {
          assertThat(Candidate.parse(read.toLine())).isEqualTo(read);
        }
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageStartingWith("candidate ");
      }
    }
  }

  @Test
  void aMessageNamesFieldValueAndRule() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Candidate.parse("candidate:1 1 udp 1 192.0.2.3 65536 typ host"))
        .withMessage("candidate port \"65536\": must be 0 to 65535");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Candidate.parse("candidate:" + "1".repeat(5000)))
        .withMessageContaining("at most 4096");
  }

  @ParameterizedTest
  @Tag("SIG-0410")
  @ValueSource(
      strings = {"", "123456789012345678901234567890123", "a-b", "a=", "a b", "é", "a\r\n"})
  void theWriterRefusesAFoundationThatIsNone(String foundation) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Candidate(
            foundation,
            1,
            1,
            TransportAddress.udp("192.0.2.3", 1),
            CandidateType.HOST,
            null,
            Map.of()))
        .withMessageStartingWith("foundation: ");
  }

  @Test
  @Tag("SIG-0410")
  void theReaderToleratesOtherVisibleCharactersInAFoundation() {
    Candidate first = parsed("candidate:host-1= 1 udp 1 192.0.2.3 1 typ host");
    Candidate like = parsed("candidate:host-1= 2 udp 1 192.0.2.3 2 typ host");
    Candidate unlike = parsed("candidate:host-2= 1 udp 1 192.0.2.3 1 typ host");
    assertThat(first.foundation()).isEqualTo(like.foundation()).isNotEqualTo(unlike.foundation());
    assertThat(Candidate.parse(first.toLine())).isEqualTo(first);
    String longest = "1".repeat(32);
    assertThat(parsed("candidate:" + longest + " 1 udp 1 192.0.2.3 1 typ host").foundation())
        .isEqualTo(longest);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> Candidate.parse("candidate:" + longest + "1 1 udp 1 192.0.2.3 1 typ host"))
        .withMessageContaining("foundation");
  }

  @ParameterizedTest
  @Tag("SIG-0420")
  @CsvSource({
    "1, true",
    "256, true",
    "0, false",
    "257, false",
    "-1, false",
    "0001, false",
    "x, false"
  })
  void aComponentIsOneTo256(String component, boolean fits) {
    String line = "candidate:1 " + component + " udp 1 192.0.2.3 1 typ host";
    if (fits) {
      assertThat(parsed(line).component()).isEqualTo(Integer.parseInt(component));
    } else {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Candidate.parse(line))
          .withMessageContaining("component");
    }
  }

  @Test
  @Tag("SIG-0430")
  void aTransportIsReadInAnyCaseAndPassedOverWhenUnknown() {
    for (String udp : List.of("udp", "UDP", "Udp")) {
      assertThat(parsed("candidate:1 1 " + udp + " 1 192.0.2.3 1 typ host")
              .address()
              .transport())
          .isEqualTo(Transport.UDP);
    }
    for (String tcp : List.of("tcp", "TCP")) {
      Candidate read = parsed("candidate:1 1 " + tcp + " 1 192.0.2.3 9 typ host tcptype active");
      assertThat(read.address().transport()).isEqualTo(Transport.TCP);
      assertThat(read.extensions()).containsEntry("tcptype", "active");
    }
    assertThat(Candidate.parse("candidate:1 1 sctp 1 192.0.2.3 1 typ host")).isNull();
  }

  @ParameterizedTest
  @Tag("SIG-0440")
  @CsvSource({
    "1, true",
    "2147483647, true",
    "0, false",
    "2147483648, false",
    "4294967296, false",
    "00000000001, false",
    "-1, false"
  })
  void aPriorityIsOneTo2147483647(String priority, boolean fits) {
    String line = "candidate:1 1 udp " + priority + " 192.0.2.3 1 typ host";
    if (fits) {
      assertThat(parsed(line).priority()).isEqualTo(Integer.parseInt(priority));
    } else {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Candidate.parse(line))
          .withMessageContaining("priority");
    }
  }

  @ParameterizedTest
  @Tag("SIG-0450")
  @CsvSource({
    "host, HOST",
    "srflx, SERVER_REFLEXIVE",
    "prflx, PEER_REFLEXIVE",
    "relay, RELAYED",
    "HOST, HOST",
    "local,",
    "stun,"
  })
  void aTypeIsOneOfFourAndPassedOverWhenUnknown(String word, CandidateType type) {
    Candidate read =
        Candidate.parse("candidate:1 1 udp 1 192.0.2.3 1 typ " + word + " raddr 192.0.2.4 rport 2");
    if (type == null) {
      assertThat(read).isNull();
    } else {
      assertThat(read.type()).isEqualTo(type);
    }
  }

  @ParameterizedTest
  @Tag("SIG-0460")
  @CsvSource({
    "192.0.2.3, 192.0.2.3",
    "2001:db8::3, 2001:db8::3",
    "2001:DB8:0:0::3, 2001:db8::3",
    "::ffff:192.0.2.3, ::ffff:192.0.2.3",
    "host.example,",
    "1f4712db-ea17-4bcf-a596-105139dfd8bf.local,",
  })
  void anAddressWithAColonIsIpv6AndANameIsPassedOver(String text, String address) {
    Candidate read = Candidate.parse("candidate:1 1 udp 1 " + text + " 1 typ host");
    if (address == null) {
      assertThat(read).isNull();
    } else {
      assertThat(read.address().ip()).isEqualTo(IpAddress.parse(address));
    }
  }

  @ParameterizedTest
  @Tag("SIG-0460")
  @ValueSource(
      strings = {
        "fe80::1%eth0",
        "fe80::1%2",
        "[2001:db8::3]",
        "192.0.2",
        "192.0.2.256",
        "1.2.3.4.5",
        "2001:db8",
        "é.example",
        "a_b!"
      })
  void anAddressWithAZoneOrBracketsIsRefused(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Candidate.parse("candidate:1 1 udp 1 " + text + " 1 typ host"))
        .withMessageContaining("address");
  }

  @Test
  @Tag("SIG-0460")
  void aZoneIsNeverWritten() {
    Candidate candidate = new Candidate(
        "1",
        1,
        1,
        TransportAddress.udp("fe80::1%3", 1),
        CandidateType.PEER_REFLEXIVE,
        TransportAddress.udp("fe80::2%3", 1),
        Map.of());
    assertThat(candidate.toLine())
        .isEqualTo("candidate:1 1 udp 1 fe80::1 1 typ prflx raddr fe80::2 rport 1");
  }

  @ParameterizedTest
  @Tag("SIG-0470")
  @CsvSource({
    "HOST, ''",
    "SERVER_REFLEXIVE, ' raddr 10.0.0.1 rport 5'",
    "PEER_REFLEXIVE, ' raddr 10.0.0.1 rport 5'",
    "RELAYED, ' raddr 10.0.0.1 rport 5'"
  })
  void allButHostCandidatesNameARelatedAddress(CandidateType type, String tail) {
    TransportAddress related = TransportAddress.udp("10.0.0.1", 5);
    Candidate candidate =
        new Candidate("1", 1, 1, TransportAddress.udp("192.0.2.3", 1), type, related, Map.of());
    assertThat(candidate.toLine()).endsWith(" typ " + type.token() + tail);
  }

  @Test
  @Tag("SIG-0470")
  void aMissingRelatedAddressIsTolerated() {
    for (String tail : List.of("", " raddr 10.0.0.1", " rport 5", " generation 0")) {
      assertThat(parsed("candidate:1 1 udp 1 192.0.2.3 1 typ srflx" + tail).related())
          .isNull();
    }
    assertThat(parsed("candidate:1 1 udp 1 192.0.2.3 1 typ host raddr 10.0.0.1 rport 5")
            .related())
        .isEqualTo(TransportAddress.udp("10.0.0.1", 5));
  }

  @Test
  @Tag("SIG-0480")
  void aHiddenRelatedAddressIsWrittenAsTheUnspecifiedOneAndPort9() {
    Candidate ipv4 = new Candidate(
        "1",
        1,
        1,
        TransportAddress.udp("192.0.2.3", 1),
        CandidateType.SERVER_REFLEXIVE,
        null,
        Map.of());
    assertThat(ipv4.toLine()).endsWith(" raddr 0.0.0.0 rport 9");
    Candidate ipv6 = new Candidate(
        "1", 1, 1, TransportAddress.udp("2001:db8::1", 1), CandidateType.RELAYED, null, Map.of());
    assertThat(ipv6.toLine()).endsWith(" raddr :: rport 9");
    for (String hidden :
        List.of("0.0.0.0 rport 9", "0.0.0.0 rport 0", ":: rport 9", ":: rport 0")) {
      assertThat(parsed("candidate:1 1 udp 1 192.0.2.3 1 typ srflx raddr " + hidden)
              .related())
          .isNull();
    }
  }

  @Test
  @Tag("SIG-0490")
  void unknownExtensionsAreKeptForTheApplication() {
    Candidate chromium = parsed("candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx"
        + " raddr 0.0.0.0 rport 0 generation 0 ufrag Zz/+ network-id 1 network-cost 10");
    assertThat(chromium.extensions())
        .containsExactly(
            Map.entry("generation", "0"),
            Map.entry("ufrag", "Zz/+"),
            Map.entry("network-id", "1"),
            Map.entry("network-cost", "10"));
    Candidate firefox =
        parsed("candidate:2 1 TCP 2105524479 192.168.1.2 9 typ host tcptype active");
    assertThat(firefox.extensions()).containsExactly(Map.entry("tcptype", "active"));
    assertThat(parsed("candidate:1 1 udp 1 192.0.2.3 1 typ host foo bar-baz").toLine())
        .endsWith(" typ host foo bar-baz");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Candidate.parse("candidate:1 1 udp 1 192.0.2.3 1 typ host foo"))
        .withMessageContaining("extension");
  }

  @Test
  @Tag("SIG-0490")
  void anExtensionCannotSmuggleALine() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Candidate(
            "1",
            1,
            1,
            TransportAddress.udp("192.0.2.3", 1),
            CandidateType.HOST,
            null,
            Map.of("foo", "1\r\na=ice-pwd:guess")))
        .withMessageContaining("extension");
  }

  @ParameterizedTest
  @Tag("SIG-0500")
  @ValueSource(
      strings = {
        "candidate:1 1 udp 1 192.0.2.3 1 typ host",
        "a=candidate:1 1 udp 1 192.0.2.3 1 typ host",
        "a=candidate:1 1 udp 1 192.0.2.3 1 typ host\r\n",
        "candidate:1 1 udp 1 192.0.2.3 1 typ host\n",
        "candidate:1 1 udp 1 192.0.2.3 1 typ host "
      })
  void prefixAndLineEndMayBeThereOrNot(String line) {
    assertThat(parsed(line).toLine()).isEqualTo("candidate:1 1 udp 1 192.0.2.3 1 typ host");
  }
}
