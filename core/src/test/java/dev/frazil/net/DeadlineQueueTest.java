package dev.frazil.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DeadlineQueueTest {
  private static final class Item extends DeadlineQueue.Entry {
    long due = ProtocolMachine.NEVER;
    long order;
  }

  @Test
  void earliestComesFirstAndOnlyWhenDue() {
    DeadlineQueue<Item> queue = new DeadlineQueue<>();
    Item late = new Item();
    Item early = new Item();
    queue.schedule(late, 20);
    queue.schedule(early, 10);
    assertThat(queue.nextDeadline()).isEqualTo(10);
    assertThat(queue.poll(9)).isNull();
    assertThat(queue.poll(10)).isSameAs(early);
    assertThat(early.deadline()).isEqualTo(ProtocolMachine.NEVER);
    assertThat(queue.poll(30)).isSameAs(late);
    assertThat(queue.poll(30)).isNull();
    assertThat(queue.nextDeadline()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  void neverCancels() {
    DeadlineQueue<Item> queue = new DeadlineQueue<>();
    Item item = new Item();
    queue.schedule(item, 5);
    queue.schedule(item, ProtocolMachine.NEVER);
    assertThat(queue.size()).isZero();
    queue.cancel(item); // again: nothing
    assertThat(queue.size()).isZero();
  }

  @Test
  void entryBelongsToOneQueueAtATime() {
    DeadlineQueue<Item> one = new DeadlineQueue<>();
    DeadlineQueue<Item> other = new DeadlineQueue<>();
    Item item = new Item();
    one.schedule(item, 5);
    assertThatThrownBy(() -> other.schedule(item, 6)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> other.cancel(item)).isInstanceOf(IllegalStateException.class);
    assertThat(item.deadline()).isEqualTo(5);
    other.schedule(new Item(), 1);
    assertThatThrownBy(() -> other.schedule(item, 6)).isInstanceOf(IllegalStateException.class);
    assertThat(one.poll(5)).isSameAs(item);
    other.schedule(item, 6);
    assertThat(other.size()).isEqualTo(2);
  }

  @Test
  void behavesLikeASortedListUnderRandomCalls() {
    for (long seed = 0; seed < 100; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      DeadlineQueue<Item> queue = new DeadlineQueue<>();
      List<Item> items = new ArrayList<>();
      int count = 1 + random.nextInt(60);
      for (int i = 0; i < count; i++) {
        items.add(new Item());
      }
      long order = 0;
      for (int step = 0; step < 400; step++) {
        Item item = items.get(random.nextInt(count));
        switch (random.nextInt(4)) {
          case 0, 1 -> {
            item.due = random.nextInt(50); // many equal ones
            item.order = order++;
            queue.schedule(item, item.due);
          }
          case 2 -> {
            item.due = ProtocolMachine.NEVER;
            queue.cancel(item);
          }
          default -> poll(queue, items, random.nextInt(50));
        }
        verify(queue, items, seed);
      }
      while (queue.size() > 0) {
        poll(queue, items, ProtocolMachine.NEVER - 1);
        verify(queue, items, seed);
      }
    }
  }

  private static Item earliest(List<Item> items) {
    return items.stream()
        .filter(item -> item.due != ProtocolMachine.NEVER)
        .min(Comparator.<Item>comparingLong(item -> item.due).thenComparingLong(item -> item.order))
        .orElse(null);
  }

  private static void poll(DeadlineQueue<Item> queue, List<Item> items, long now) {
    Item expected = earliest(items);
    Item polled = queue.poll(now);
    if (expected == null || expected.due > now) {
      assertThat(polled).isNull();
    } else {
      assertThat(polled).isSameAs(expected);
      polled.due = ProtocolMachine.NEVER;
    }
  }

  private static void verify(DeadlineQueue<Item> queue, List<Item> items, long seed) {
    Item first = earliest(items);
    assertThat(queue.nextDeadline())
        .as("seed %d", seed)
        .isEqualTo(first == null ? ProtocolMachine.NEVER : first.due);
    assertThat(queue.size()).as("seed %d", seed).isEqualTo((int)
        items.stream().filter(item -> item.due != ProtocolMachine.NEVER).count());
    assertThat(items.stream().allMatch(item -> item.deadline() == item.due))
        .as("seed %d", seed)
        .isTrue();
  }
}
