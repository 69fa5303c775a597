package dev.frazil.turn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChannelDataTest {
  private static ByteBuffer message(int... bytes) {
    ByteBuffer message = ByteBuffer.allocate(bytes.length);
    for (int octet : bytes) {
      message.put((byte) octet);
    }
    return message.flip();
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 3", "2, 2", "3, 1", "4, 0", "5, 3", "65535, 1"})
  @Tag("TURN-1170")
  void headerIsNumberAndLengthAndPaddingIsNotCounted(int length, int padding) {
    ByteBuffer out = ByteBuffer.allocate(4);
    ChannelData.putHeader(out, 0x4FFE, length);
    assertThat(out.flip()).isEqualTo(message(0x4F, 0xFE, length >> 8, length));
    assertThat(ChannelData.number(out)).isEqualTo(0x4FFE);
    assertThat(ChannelData.length(out)).isEqualTo(length);
    assertThat(ChannelData.padding(length)).isEqualTo(padding);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  @Tag("TURN-1170")
  void messageMayBePaddedOrNot(int length) {
    for (int extra = 0; extra < 4; extra++) {
      ByteBuffer bytes = ByteBuffer.allocate(4 + length + extra);
      ChannelData.putHeader(bytes, 0x4000, length);
      assertThat(ChannelData.isChannelData(bytes.clear())).isTrue();
      assertThat(bytes.position()).isZero();
    }
  }

  @Test
  @Tag("TURN-1170")
  void messageThatIsCutShortOrOfAnotherNumberIsNone() {
    assertThat(ChannelData.isChannelData(message(0x40, 0, 0, 1))).isFalse();
    assertThat(ChannelData.isChannelData(message(0x40, 0, 0))).isFalse();
    assertThat(ChannelData.isChannelData(message())).isFalse();
    assertThat(ChannelData.isChannelData(message(0x3F, 0xFF, 0, 0))).isFalse();
    assertThat(ChannelData.isChannelData(message(0x4F, 0xFF, 0, 0))).isTrue();
    assertThat(ChannelData.isChannelData(message(0x50, 0, 0, 0))).isFalse();
    assertThat(ChannelData.isChannelData(message(0xFF, 0xFF, 0, 0))).isFalse();
  }

  @Test
  void readsFromThePositionInNetworkOrderWhateverTheBuffersOrder() {
    ByteBuffer bytes = message(9, 9, 0x41, 0x02, 0, 1, 7).order(ByteOrder.LITTLE_ENDIAN);
    bytes.position(2);
    assertThat(ChannelData.isChannelData(bytes)).isTrue();
    assertThat(ChannelData.number(bytes)).isEqualTo(0x4102);
    assertThat(ChannelData.length(bytes)).isEqualTo(1);
    ByteBuffer out = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    ChannelData.putHeader(out, 0x4102, 0x0304);
    assertThat(out.flip()).isEqualTo(message(0x41, 2, 3, 4));
  }

  @Test
  void numberOrLengthThatDoesNotFitIsAMistake() {
    ByteBuffer out = ByteBuffer.allocate(4);
    assertThatThrownBy(() -> ChannelData.putHeader(out, 0x5000, 0)).hasMessageContaining("0x5000");
    assertThatThrownBy(() -> ChannelData.putHeader(out, 0x3FFF, 0)).hasMessageContaining("0x3FFF");
    assertThatThrownBy(() -> ChannelData.putHeader(out, 0x4000, 65536))
        .hasMessageContaining("65536");
    assertThat(out.position()).isZero();
  }
}
