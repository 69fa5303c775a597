package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpAddressTest {
  @ParameterizedTest
  @CsvSource({
    // RFC 5952 4 and 5, and what else is said in a canonical way
    "0.0.0.0, 0.0.0.0",
    "255.255.255.255, 255.255.255.255",
    "192.0.2.1, 192.0.2.1",
    "::, ::",
    "::1, ::1",
    "1::, 1::",
    "0:0:0:0:0:0:0:0, ::",
    "2001:0db8::0001, 2001:db8::1",
    "2001:db8:0:0:0:0:2:1, 2001:db8::2:1",
    "2001:db8::1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
    "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
    "2001:0:0:1:0:0:0:1, 2001:0:0:1::1",
    "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
    "2001:DB8::ABCD, 2001:db8::abcd",
    "1:2:3:4:5:6:7:8, 1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::, 1:2:3:4:5:6:7:0",
    "::2:3:4:5:6:7:8, 0:2:3:4:5:6:7:8",
    "1:0:0:2::, 1:0:0:2::",
    "::ffff:192.0.2.1, ::ffff:192.0.2.1",
    "::FFFF:c000:201, ::ffff:192.0.2.1",
    "::192.0.2.1, ::c000:201",
    "64:ff9b::192.0.2.33, 64:ff9b::c000:221",
    "1:2:3:4:5:6:1.2.3.4, 1:2:3:4:5:6:102:304",
    "fe80::1%3, fe80::1%3",
    "fe80::1%0, fe80::1",
    "fe80::1%2147483647, fe80::1%2147483647",
    "::ffff:10.0.0.1%7, ::ffff:10.0.0.1%7",
  })
  void textIsReadAndWrittenInCanonicalForm(String text, String canonical) {
    IpAddress address = IpAddress.parse(text);
    assertThat(address).hasToString(canonical);
    assertThat(IpAddress.parse(canonical)).isEqualTo(address);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        ".",
        ":",
        ":::",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "256.0.0.1",
        "1.2.3.999",
        "01.2.3.4",
        "1.2.3.04",
        "00.0.0.0",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.-4",
        "+1.2.3.4",
        "0x1.2.3.4",
        "1.2.3.4%1",
        "a.b.c.d",
        "localhost",
        "example.org",
        "\u0661.2.3.4",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "::1:",
        ":1::",
        "1::2::3",
        "1:::2",
        "12345::",
        "g::",
        "::g",
        "::\u0661",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:6:7::8",
        "1:2:3:4:5:6::1.2.3.4:",
        "::1%",
        "::1%eth0",
        "::1%-1",
        "::1%2147483648",
        "::1%99999999999",
        "::1%1%2",
        "[::1]",
        "::1]",
        "fe80::1%+1",
        "::ffff:256.0.0.1",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
      })
  void textThatIsNoAddressIsRefused(String text) {
    assertThatThrownBy(() -> IpAddress.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not an IP address");
  }

  @Test
  void longGarbageIsNotRepeatedWhole() {
    assertThatThrownBy(() -> IpAddress.parse("x".repeat(10_000)))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(100));
  }

  @Test
  void everyPatternOfZeroGroupsSurvivesTheTextForm() throws UnknownHostException {
    for (int pattern = 0; pattern < 6561; pattern++) { // 3^8: each group 0, 1 or 0xffff
      long[] halves = new long[2];
      for (int i = 0, rest = pattern; i < 8; i++, rest /= 3) {
        halves[i / 4] = halves[i / 4] << 16 | new int[] {0, 1, 0xFFFF}[rest % 3];
      }
      IpAddress address = IpAddress.ofIpv6(halves[0], halves[1]);
      String text = address.toString();
      assertThat(IpAddress.parse(text)).as(text).isEqualTo(address);
      if (!address.isIpv4Mapped()) { // InetAddress folds those
        assertThat(InetAddress.getByName(text).getAddress()).as(text).isEqualTo(address.toBytes());
      }
      assertThat(text).doesNotContain(":::");
    }
  }

  @Test
  void randomTextNeverFailsOtherwiseThanByRefusal() {
    SplittableRandom random = new SplittableRandom(5);
    String alphabet = "0123456789abcdefF:::...%g ";
    int accepted = 0;
    for (int i = 0; i < 50_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(1, 24); n > 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        IpAddress address = IpAddress.parse(text.toString());
        assertThat(IpAddress.parse(address.toString())).isEqualTo(address);
        accepted++;
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageStartingWith("not an IP address");
      }
    }
    assertThat(accepted).isGreaterThan(10);
  }

  @Test
  void bytesGoBothWays() {
    byte[] four = {(byte) 192, 0, 2, 1};
    byte[] sixteen = new byte[16];
    sixteen[10] = sixteen[11] = (byte) 0xFF;
    assertThat(IpAddress.of(four)).hasToString("192.0.2.1");
    assertThat(IpAddress.of(four).toBytes()).isEqualTo(four);
    assertThat(IpAddress.of(sixteen))
        .isEqualTo(IpAddress.parse("::ffff:0.0.0.0"))
        .matches(IpAddress::isIpv6);
    assertThat(IpAddress.of(sixteen).toBytes()).isEqualTo(sixteen);
    assertThatThrownBy(() -> IpAddress.of(new byte[5])).hasMessageContaining("5");
  }

  @ParameterizedTest
  @CsvSource({
    // address, unspecified, loopback, link-local, multicast, broadcast, private
    "0.0.0.0,         true,  false, false, false, false, false",
    "0.0.0.1,         false, false, false, false, false, false",
    "127.0.0.1,       false, true,  false, false, false, true",
    "127.255.255.255, false, true,  false, false, false, true",
    "126.255.255.255, false, false, false, false, false, false",
    "128.0.0.0,       false, false, false, false, false, false",
    "169.254.0.1,     false, false, true,  false, false, true",
    "169.253.0.1,     false, false, false, false, false, false",
    "223.255.255.255, false, false, false, false, false, false",
    "224.0.0.0,       false, false, false, true,  false, false",
    "239.255.255.255, false, false, false, true,  false, false",
    "240.0.0.0,       false, false, false, false, false, false",
    "255.255.255.255, false, false, false, false, true,  false",
    "9.255.255.255,   false, false, false, false, false, false",
    "10.0.0.0,        false, false, false, false, false, true",
    "10.255.255.255,  false, false, false, false, false, true",
    "11.0.0.0,        false, false, false, false, false, false",
    "100.63.255.255,  false, false, false, false, false, false",
    "100.64.0.0,      false, false, false, false, false, true",
    "100.127.255.255, false, false, false, false, false, true",
    "100.128.0.0,     false, false, false, false, false, false",
    "172.15.255.255,  false, false, false, false, false, false",
    "172.16.0.0,      false, false, false, false, false, true",
    "172.31.255.255,  false, false, false, false, false, true",
    "172.32.0.0,      false, false, false, false, false, false",
    "192.167.255.255, false, false, false, false, false, false",
    "192.168.0.0,     false, false, false, false, false, true",
    "192.169.0.0,     false, false, false, false, false, false",
    "::,              true,  false, false, false, false, false",
    "::1,             false, true,  false, false, false, true",
    "::2,             false, false, false, false, false, false",
    "fe80::,          false, false, true,  false, false, true",
    "febf::1,         false, false, true,  false, false, true",
    "fec0::1,         false, false, false, false, false, false",
    "fe7f::1,         false, false, false, false, false, false",
    "fc00::1,         false, false, false, false, false, true",
    "fdff::1,         false, false, false, false, false, true",
    "fbff::1,         false, false, false, false, false, false",
    "ff00::,          false, false, false, true,  false, false",
    "ff02::1,         false, false, false, true,  false, false",
    "2001:db8::1,     false, false, false, false, false, false",
  })
  void scopesOfAddresses(
      String text,
      boolean unspecified,
      boolean loopback,
      boolean linkLocal,
      boolean multicast,
      boolean broadcast,
      boolean isPrivate) {
    IpAddress address = IpAddress.parse(text);
    assertThat(address.isUnspecified()).isEqualTo(unspecified);
    assertThat(address.isLoopback()).isEqualTo(loopback);
    assertThat(address.isLinkLocal()).isEqualTo(linkLocal);
    assertThat(address.isMulticast()).isEqualTo(multicast);
    assertThat(address.isBroadcast()).isEqualTo(broadcast);
    assertThat(address.isPrivate()).isEqualTo(isPrivate);
  }

  @Test
  void deprecatedIpv6FormsAreTold() {
    assertThat(IpAddress.parse("::ffff:1.2.3.4").isIpv4Mapped()).isTrue();
    assertThat(IpAddress.parse("::fffe:1.2.3.4").isIpv4Mapped()).isFalse();
    assertThat(IpAddress.parse("1.2.3.4").isIpv4Mapped()).isFalse();
    assertThat(IpAddress.parse("::1.2.3.4").isIpv4Compatible()).isTrue();
    assertThat(IpAddress.parse("::1").isIpv4Compatible()).isFalse();
    assertThat(IpAddress.parse("::").isIpv4Compatible()).isFalse();
    assertThat(IpAddress.parse("0.0.0.2").isIpv4Compatible()).isFalse();
    assertThat(IpAddress.parse("fec0::1").isSiteLocal()).isTrue();
    assertThat(IpAddress.parse("feff::1").isSiteLocal()).isTrue();
    assertThat(IpAddress.parse("ff00::1").isSiteLocal()).isFalse();
  }

  @Test
  void prefixesMatchLikeBigIntegers() {
    SplittableRandom random = new SplittableRandom(11);
    for (int i = 0; i < 20_000; i++) {
      boolean ipv4 = random.nextBoolean();
      int width = ipv4 ? 32 : 128;
      int length = random.nextInt(width + 1);
      byte[] prefix = new byte[width / 8];
      random.nextBytes(prefix);
      byte[] address = prefix.clone();
      address[random.nextInt(address.length)] ^= (byte) (1 << random.nextInt(8));
      BigInteger difference =
          new BigInteger(1, prefix).xor(new BigInteger(1, address)).shiftRight(width - length);
      assertThat(IpAddress.of(address).isIn(IpAddress.of(prefix), length))
          .isEqualTo(difference.signum() == 0);
    }
    assertThat(IpAddress.parse("1.2.3.4").isIn(IpAddress.ANY6, 0)).isFalse();
    assertThat(IpAddress.parse("::1").isIn(IpAddress.ANY4, 0)).isFalse();
  }

  @Test
  void orderIsByFamilyThenUnsignedValueThenScope() {
    assertThat(new String[] {
          "0.0.0.0",
          "127.0.0.1",
          "255.0.0.0",
          "::",
          "::1",
          "7fff::",
          "8000::",
          "fe80::1",
          "fe80::1%2"
        })
        .extracting(IpAddress::parse)
        .isSorted();
    assertThat(IpAddress.parse("fe80::1%2")).isNotEqualTo(IpAddress.parse("fe80::1%3"));
    assertThat(IpAddress.parse("::ffff:1.2.3.4")).isNotEqualTo(IpAddress.parse("1.2.3.4"));
  }

  @Test
  void partsThatMakeNoAddressAreRefused() {
    assertThatThrownBy(() -> new IpAddress(5, 0, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new IpAddress(4, 1, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new IpAddress(4, 0, 1L << 32, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new IpAddress(4, 0, 1, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new IpAddress(6, 0, 1, -1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
