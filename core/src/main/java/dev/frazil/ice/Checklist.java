package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The pairs of one generation of a stream, ordered by priority, and the queue of triggered checks (RFC 8445 6.1.2). */
final class Checklist {
  /** RFC 8445 6.1.2.1. */
  enum State {
    RUNNING,
    COMPLETED,
    FAILED
  }

  private static final Comparator<CandidatePair> ORDER = Comparator.<CandidatePair>comparingLong(
          pair -> -pair.priority)
      .thenComparingInt(CandidatePair::component)
      .thenComparingLong(pair -> pair.id);

  private final List<CandidatePair> pairs = new ArrayList<>(4);
  private final Map<FiveTuple, CandidatePair> byPath = new HashMap<>(8);
  private final ArrayDeque<CandidatePair> triggered = new ArrayDeque<>(4);
  State state = State.RUNNING;
  /** How many checks were begun that the peer did not trigger. */
  int ordinaryChecks;
  /** How many components both sides have (RFC 8445 6.1.2.2). */
  int components;
  /** Checks go on after completion (draft-thatcher-ice-renomination). */
  boolean renomination;
  /** The components for which the application chose a pair (draft-thatcher-ice-renomination). */
  final BitSet pinned = new BitSet();
  /** The components for which a nomination failed that the peer may have followed all the same. */
  final BitSet doubted = new BitSet();
  /** A selected pair is gone and none may take its place. */
  boolean lost;
  /**
   * The components whose selected pair two lite agents still have to agree on, for there was more than one (RFC 8445
   * 8.2).
   */
  final BitSet disputed = new BitSet();

  Checklist(int components) {
    this.components = components;
  }

  /** Takes account of the highest component that one side has told a candidate for; 0 when it has told none at all. */
  void limitComponents(int highest) {
    components = highest == 0 ? components : Math.min(components, highest);
  }

  /** Whether a component is part of the list. */
  boolean wants(int component) {
    return component <= components;
  }

  /** Whether ordinary checks are made. */
  boolean isActive() {
    return state == State.RUNNING || state == State.COMPLETED && renomination;
  }

  /** The pairs, the best first. */
  List<CandidatePair> pairs() {
    return Collections.unmodifiableList(pairs);
  }

  @Nullable CandidatePair find(FiveTuple path) {
    return byPath.get(path);
  }

  void insert(CandidatePair pair) {
    int slot = Collections.binarySearch(pairs, pair, ORDER);
    pairs.add(slot < 0 ? -slot - 1 : slot, pair);
    byPath.put(pair.path, pair);
  }

  void remove(CandidatePair pair) {
    pairs.remove(pair);
    byPath.remove(pair.path);
    triggered.remove(pair);
    pair.removed = true;
  }

  /** Priorities changed. */
  void sort() {
    pairs.sort(ORDER);
  }

  /** Puts a pair into the triggered-check queue, once (RFC 8445 6.1.4.1). */
  void trigger(CandidatePair pair) {
    if (!triggered.contains(pair)) {
      triggered.add(pair);
    }
  }

  /** The same, but before all others: nominations wait for nothing. */
  void triggerFirst(CandidatePair pair) {
    triggered.remove(pair);
    triggered.addFirst(pair);
  }

  void untrigger(CandidatePair pair) {
    triggered.remove(pair);
  }

  boolean hasTriggered() {
    return !triggered.isEmpty();
  }

  @Nullable CandidatePair pollTriggered() {
    return triggered.poll();
  }

  /** The Waiting pair to check next: the best one, the lowest component among equals (RFC 8445 6.1.4.2 step 3). */
  @Nullable CandidatePair firstWaiting() {
    for (CandidatePair pair : pairs) {
      if (pair.state == PairState.WAITING) {
        return pair;
      }
    }
    return null;
  }

  /** The valid pair that the check of a pair made (RFC 8445 7.2.5.3.2). */
  @Nullable CandidatePair validOf(CandidatePair checked) {
    for (CandidatePair pair : pairs) {
      if (pair.isValid() && pair.checked == checked) {
        return pair;
      }
    }
    return null;
  }

  /** Whether a component has a valid pair. */
  boolean hasValid(int component) {
    for (CandidatePair pair : pairs) {
      if (pair.isValid() && pair.component() == component) {
        return true;
      }
    }
    return false;
  }
}
