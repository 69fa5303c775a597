package dev.frazil.netty.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KnownTest {
  private final Known.Room room = new Known.Room(1000);
  private int made;
  private final Known<Integer, String> known = new Known<>(room, this::make);

  private String make(Integer key) {
    made++;
    return "value " + key;
  }

  private int madeFor(int keys, int rounds) {
    int before = made;
    for (int round = 0; round < rounds; round++) {
      IntStream.range(0, keys).forEach(known::value);
    }
    return made - before;
  }

  @Test
  void aKeyThatComesAgainGetsTheVeryValueThatWasMadeOfIt() {
    String first = known.value(7);

    assertThat(known.value(7)).isSameAs(first).isEqualTo("value 7");
  }

  @Test
  void keysAreNotTakenForOneAnother() {
    Set<String> values = new HashSet<>();
    IntStream.range(0, 5000).forEach(key -> values.add(known.value(key)));

    assertThat(values).hasSize(5000);
    assertThat(IntStream.range(0, 5000))
        .allSatisfy(key -> assertThat(known.value(key)).isEqualTo("value " + key));
  }

  @Test
  void theTableGrowsUntilTheKeysThatComeHaveRoom() {
    madeFor(20, 1000);

    assertThat(madeFor(20, 10)).isZero();
  }

  @Test
  void tablesTakeNoMoreThanTheRoomThereIs() {
    Known<Integer, String> other = new Known<>(room, this::make);
    madeFor(100_000, 2);

    int before = made;
    for (int round = 0; round < 1000; round++) {
      other.value(round % 900);
    }
    assertThat(made - before).isEqualTo(1000); // a place for one key only

    known.clear();
    for (int round = 0; round < 100_000; round++) {
      other.value(round % 10);
    }
    before = made;
    for (int round = 0; round < 10; round++) {
      other.value(round);
    }
    assertThat(made - before).isLessThan(10);
  }
}
