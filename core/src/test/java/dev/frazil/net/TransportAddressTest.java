package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TransportAddressTest {
  private static final TransportAddress UDP = TransportAddress.udp("192.0.2.1", 3478);
  private static final TransportAddress TCP = new TransportAddress(UDP.ip(), 3478, Transport.TCP);

  @Test
  void textNamesPortAndTransport() {
    assertThat(UDP).hasToString("192.0.2.1:3478");
    assertThat(TCP).hasToString("192.0.2.1:3478/tcp");
    assertThat(TransportAddress.udp("fe80::1%2", 9)).hasToString("[fe80::1%2]:9");
  }

  @Test
  void portsHave16Bits() {
    assertThat(UDP.withPort(0).port()).isZero();
    assertThat(UDP.withPort(65535).port()).isEqualTo(65535);
    assertThatThrownBy(() -> UDP.withPort(-1)).hasMessageContaining("-1");
    assertThatThrownBy(() -> UDP.withPort(65536)).hasMessageContaining("65536");
  }

  @Test
  void orderIsByAddressPortAndTransport() {
    assertThat(new TransportAddress[] {
          TransportAddress.udp("10.0.0.1", 9),
          UDP.withPort(1),
          UDP,
          TCP,
          UDP.withPort(3479),
          TransportAddress.udp("::1", 1)
        })
        .isSorted();
  }

  @Test
  void pathHasOneTransportAndCanBeTurnedAround() {
    FiveTuple path = new FiveTuple(UDP, TransportAddress.udp("198.51.100.7", 5000));
    assertThat(path.reversed().local()).isEqualTo(path.remote());
    assertThat(path.reversed().reversed()).isEqualTo(path);
    assertThat(path).hasToString("192.0.2.1:3478 > 198.51.100.7:5000");
    assertThatThrownBy(() -> new FiveTuple(UDP, TCP)).hasMessageContaining("transport differs");
  }
}
