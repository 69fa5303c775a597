package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.IpAddress;
import dev.frazil.turn.PeerFilter;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressRangeTest {
  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
          192.0.2.7                         | 192.0.2.7/32
          83.166.64.0-83.166.95.255         | 83.166.64.0/19
          0.0.0.0-255.255.255.255           | 0.0.0.0/0
          10.0.0.1-10.0.0.6                 | 10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32
          255.255.255.254-255.255.255.255   | 255.255.255.254/31
          10.0.0.0/8                        | 10.0.0.0/8
          2001:db8::-2001:db8::ffff         | 2001:db8::/112
          ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff | ::/0
          """)
  void rangeIsTheFewestPrefixes(String range, String prefixes) {
    assertThat(AddressRange.parse(range).prefixes()).containsExactly(prefixes.split(" "));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"10.0.0.2-10.0.0.1", "10.0.0.1-::1", "10.0.0.1-", "10.0.0.1/8", "10.0.0.0/33", "x"
      })
  void whatIsNoRangeIsRefused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> AddressRange.parse(text));
  }

  @Test
  void whatIsLeftOfARangeHasAllOfItButTheOther() {
    Random random = new Random(7);
    for (int run = 0; run < 300; run++) {
      AddressRange range = range(random);
      AddressRange other = range(random);
      List<String> left = range.without(other).stream()
          .flatMap(part -> part.prefixes().stream())
          .toList();
      for (int i = 0; i < 256; i++) {
        IpAddress ip = IpAddress.ofIpv4(0xCB007100 | i);
        assertThat(holds(left, ip))
            .as(range + " without " + other + ": " + ip)
            .isEqualTo(holds(range.prefixes(), ip) && !holds(other.prefixes(), ip));
      }
    }
  }

  private static AddressRange range(Random random) {
    int from = random.nextInt(256);
    int to = from + random.nextInt(256 - from);
    return AddressRange.parse("203.0.113." + from + "-203.0.113." + to);
  }

  private static boolean holds(List<String> prefixes, IpAddress ip) {
    PeerFilter.Builder filter = PeerFilter.builder();
    prefixes.forEach(filter::deny);
    return !filter.build().permits(ip);
  }
}
