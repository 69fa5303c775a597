package dev.frazil.netty.io;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What was made of keys before, so that a key that comes often costs no object. One takes the place of another with the same
 * remainder; the table doubles when that happens often, as long as the event loop has room.
 *
 * @param <K> whose keys have equals and hashCode
 * @param <V> what is made of them
 */
final class Known<K, V> {
  /** How many places the tables of an event loop may have in all. */
  static final class Room {
    private int left;

    Room(int places) {
      left = places;
    }
  }

  private record Place<K, V>(K key, V value) {}

  private static final int LONGEST_TABLE = 16_384;

  private final Room room;
  private final Function<K, V> make;
  private @Nullable Place<K, V>[] table = newTable(1);
  private int displaced;

  /** @param make makes a value that is good as long as the table */
  Known(Room room, Function<K, V> make) {
    this.room = room;
    this.make = make;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static <K, V> @Nullable Place<K, V>[] newTable(int length) {
    return new Place[length];
  }

  V value(K key) {
    Place<K, V> known = table[index(key)];
    if (known != null && known.key.equals(key)) {
      return known.value;
    }
    Place<K, V> place = new Place<>(key, make.apply(key));
    if (known != null) {
      displace();
    }
    table[index(key)] = place;
    return place.value;
  }

  private int index(K key) {
    int mixed = key.hashCode() * 0x9E37_79B9;
    return (mixed ^ mixed >>> 16) & table.length - 1;
  }

  private void displace() {
    int length = table.length;
    if (++displaced > length && length < LONGEST_TABLE && room.left >= length) {
      room.left -= length;
      displaced = 0;
      @Nullable Place<K, V>[] old = table;
      table = newTable(2 * length);
      for (Place<K, V> each : old) {
        if (each != null) {
          table[index(each.key)] = each;
        }
      }
    }
  }

  /** Forgets all, and gives back what the table took. */
  void clear() {
    room.left += table.length - 1;
    table = newTable(1);
    displaced = 0;
  }
}
