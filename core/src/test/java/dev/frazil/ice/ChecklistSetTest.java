package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Forming checklists, limiting, freezing and picking: RFC 8445 6.1.2 and 6.1.4. */
class ChecklistSetTest {
  /** Checklists without an agent around them: nothing is sent. */
  private static final class Lists {
    final Session session;
    final ChecklistSet set;
    private int port = 1000;

    Lists(IceConfiguration.Builder settings, int... components) {
      IceConfiguration configuration = settings.build();
      session = new Session(configuration, new AgentHarness(new VirtualTime(), configuration));
      set = new ChecklistSet(session, new Schedule(session));
      for (int count : components) {
        session.streams.add(new IceStream(session.streams.size(), count, session));
      }
    }

    Lists(int... components) {
      this(AgentHarness.settings(Role.CONTROLLING), components);
    }

    Generation stream(int index) {
      return session.streams.get(index).current;
    }

    Base base(int stream, int component, String ip) {
      return base(stream, component, TransportAddress.udp(ip, ++port));
    }

    Base base(int stream, int component, TransportAddress address) {
      return new Base(
          session.streams.get(stream),
          component,
          address,
          AgentHarness.address(address.ip().toString()));
    }

    LocalCandidate local(Base base, CandidateType type, String foundation, int preference) {
      TransportAddress address = type == CandidateType.HOST
          ? base.address
          : TransportAddress.udp("203.0.113.1", base.address.port());
      return local(base, type, foundation, preference, address);
    }

    LocalCandidate local(
        Base base,
        CandidateType type,
        String foundation,
        int preference,
        TransportAddress address) {
      LocalCandidate local = new LocalCandidate(
          new Candidate(
              foundation,
              base.component,
              Candidate.priority(type.preference(), preference, base.component),
              address,
              type,
              null,
              Map.of()),
          base,
          true);
      base.stream.current.addLocal(local);
      return local;
    }

    /** A host candidate on an address of its own. */
    LocalCandidate host(int stream, int component, String foundation, int preference) {
      return local(base(stream, component, "10.0.0.1"), CandidateType.HOST, foundation, preference);
    }

    RemoteCandidate remote(int stream, int component, String foundation, int preference) {
      return remote(
          stream, component, foundation, preference, TransportAddress.udp("192.0.2.9", ++port));
    }

    RemoteCandidate remote(
        int stream, int component, String foundation, int preference, TransportAddress address) {
      RemoteCandidate remote = new RemoteCandidate(
          new Candidate(
              foundation,
              component,
              Candidate.priority(126, preference, component),
              address,
              CandidateType.HOST,
              null,
              Map.of()),
          true);
      stream(stream).add(remote);
      return remote;
    }

    void start() {
      session.streams.forEach(stream -> set.start(stream.current, 0));
    }

    List<CandidatePair> pairs(int stream) {
      return stream(stream).list.pairs();
    }
  }

  // forming pairs

  @Test
  @Tag("ICE-1510")
  void candidatesOfOneComponentFamilyAndTransportArePaired() {
    Lists lists = new Lists(2);
    lists.local(lists.base(0, 1, "10.0.0.1"), CandidateType.HOST, "a", 1);
    lists.local(lists.base(0, 2, "10.0.0.1"), CandidateType.HOST, "a", 1);
    lists.local(lists.base(0, 1, "2001:db8::1"), CandidateType.HOST, "b", 2);
    lists.local(
        lists.base(0, 1, new TransportAddress(IpAddress.parse("10.0.0.1"), 9, Transport.TCP)),
        CandidateType.HOST,
        "c",
        3);
    lists.remote(0, 1, "a", 1);
    lists.remote(0, 2, "a", 1);
    lists.remote(0, 2, "b", 2, TransportAddress.udp("2001:db8::9", 1));
    lists.remote(0, 1, "b", 2, TransportAddress.udp("2001:db8::9", 2));
    lists.remote(
        0, 1, "c", 3, new TransportAddress(IpAddress.parse("192.0.2.9"), 7, Transport.TCP));
    lists.start();
    assertThat(lists.pairs(0)).hasSize(4).allSatisfy(pair -> {
      Candidate local = pair.local.candidate();
      Candidate remote = pair.remote.candidate();
      assertThat(local.component()).isEqualTo(remote.component());
      assertThat(local.foundation()).isEqualTo(remote.foundation());
    });
    assertThat(lists.pairs(0))
        .extracting(pair -> pair.component() + pair.local.candidate().foundation())
        .containsExactlyInAnyOrder("1a", "2a", "1b", "1c");
  }

  @Test
  @Tag("ICE-1510")
  void streamsAreNotPairedWithEachOther() {
    Lists lists = new Lists(1, 1);
    lists.host(0, 1, "a", 1);
    lists.remote(1, 1, "a", 1);
    lists.start();
    assertThat(lists.pairs(0)).isEmpty();
    assertThat(lists.pairs(1)).isEmpty();
  }

  @ParameterizedTest
  @Tag("ICE-1530")
  @CsvSource({
    "fe80::1%2, fe80::9, true",
    "fe80::1%2, 2001:db8::9, false",
    "fe80::1%2, fd00::9, false",
    "2001:db8::1, fe80::9, false",
    "fd00::1, fe80::9, false",
    "fd00::1, 2001:db8::9, true",
    "febf:ffff::1%2, fe80::9, true",
    "fec0::1, fe80::9, false",
    "169.254.1.1, 192.0.2.9, true",
    "192.0.2.1, 169.254.1.9, true"
  })
  void linkLocalIpv6IsPairedWithItsLikeOnly(String local, String remote, boolean paired) {
    Lists lists = new Lists(1);
    lists.local(lists.base(0, 1, local), CandidateType.HOST, "a", 1);
    lists.remote(0, 1, "a", 1, TransportAddress.udp(remote, 7));
    lists.start();
    assertThat(lists.pairs(0)).hasSize(paired ? 1 : 0);
  }

  @Test
  @Tag("ICE-1530")
  void aLinkLocalAddressIsReachedByTheInterfaceOfTheBase() {
    Lists lists = new Lists(1);
    lists.local(lists.base(0, 1, "fe80::1%2"), CandidateType.HOST, "a", 1);
    lists.local(lists.base(0, 1, "fe80::1%3"), CandidateType.HOST, "b", 2);
    lists.remote(0, 1, "a", 1, TransportAddress.udp("fe80::9", 7));
    lists.start();
    assertThat(lists.pairs(0))
        .extracting(pair -> pair.path.remote().ip().scopeId())
        .containsExactlyInAnyOrder(2, 3);
  }

  // priorities

  @Test
  @Tag("ICE-1540")
  void pairPrioritiesAreTheKnownOnesAndTheSameOnBothSides() {
    int host = 2130706431;
    int reflexive = 1694498815;
    assertThat(CandidatePair.priority(Role.CONTROLLING, reflexive, host))
        .isEqualTo(7277816997797167102L)
        .isEqualTo(CandidatePair.priority(Role.CONTROLLED, host, reflexive));
    assertThat(CandidatePair.priority(Role.CONTROLLING, host, reflexive))
        .isEqualTo(7277816997797167103L)
        .isEqualTo(CandidatePair.priority(Role.CONTROLLED, reflexive, host));
    assertThat(CandidatePair.priority(Role.CONTROLLED, 1, 1)).isEqualTo((1L << 32) + 2);
    int max = Integer.MAX_VALUE;
    assertThat(CandidatePair.priority(Role.CONTROLLING, max, max))
        .isEqualTo(((long) max << 32) + 2L * max)
        .isPositive();
    Random random = new Random(7);
    for (int i = 0; i < 1000; i++) {
      int ours = 1 + random.nextInt(max);
      int theirs = 1 + random.nextInt(max);
      assertThat(CandidatePair.priority(Role.CONTROLLING, ours, theirs))
          .isPositive()
          .isEqualTo(CandidatePair.priority(Role.CONTROLLED, theirs, ours));
    }
  }

  @Test
  @Tag("ICE-1540")
  @Tag("ICE-1740")
  void aChecklistIsOrderedByPriorityThenByComponent() {
    Lists lists = new Lists(3);
    for (int component = 3; component >= 1; component--) {
      for (int preference : List.of(5, 9, 7)) {
        lists.host(0, component, "l" + preference, preference);
      }
      lists.remote(0, component, "r", 100);
    }
    lists.start();
    assertThat(lists.pairs(0))
        .hasSize(9)
        .isSortedAccordingTo(Comparator.<CandidatePair>comparingLong(pair -> -pair.priority)
            .thenComparingInt(CandidatePair::component));
    Checklist list = new Checklist(2);
    Lists equal = new Lists(2);
    CandidatePair second = pair(equal, 2, 42);
    CandidatePair first = pair(equal, 1, 42);
    CandidatePair better = pair(equal, 2, 43);
    for (CandidatePair pair : List.of(second, first, better)) {
      pair.state = PairState.WAITING;
      list.insert(pair);
    }
    assertThat(list.pairs()).containsExactly(better, first, second);
    assertThat(list.firstWaiting()).isSameAs(better);
    better.state = PairState.IN_PROGRESS;
    assertThat(list.firstWaiting()).isSameAs(first);
  }

  private static CandidatePair pair(Lists lists, int component, long priority) {
    LocalCandidate local = lists.host(0, component, "a", 1);
    RemoteCandidate remote = lists.remote(0, component, "b", 1);
    CandidatePair pair = new CandidatePair(
        lists.session.newPairId(),
        lists.stream(0),
        local.base(),
        local,
        remote,
        new dev.frazil.net.FiveTuple(
            local.candidate().address(), remote.candidate().address()));
    pair.priority = priority;
    return pair;
  }

  // pruning

  /** The example of RFC 8445 15.1: L is behind a NAT, R is not. */
  @Test
  @Tag("ICE-1550")
  @Tag("ICE-1560")
  void aReflexiveCandidateIsReplacedByItsBaseAndThePairIsRedundantThen() {
    Lists left = new Lists(1);
    Base base = left.base(0, 1, "10.0.1.1");
    LocalCandidate host = left.local(base, CandidateType.HOST, "1", 65535);
    left.local(base, CandidateType.SERVER_REFLEXIVE, "2", 65535);
    left.remote(0, 1, "1", 65535, TransportAddress.udp("192.0.2.1", 3478));
    left.start();
    assertThat(left.pairs(0)).singleElement().satisfies(pair -> {
      assertThat(pair.local).isSameAs(host);
      assertThat(pair.path.local()).isEqualTo(base.address);
    });
    Lists right = new Lists(1);
    right.local(right.base(0, 1, "192.0.2.1"), CandidateType.HOST, "1", 65535);
    right.remote(0, 1, "1", 65535, TransportAddress.udp("10.0.1.1", 8998));
    right.remote(0, 1, "2", 65535, TransportAddress.udp("192.0.2.3", 45664));
    right.start();
    assertThat(right.pairs(0)).hasSize(2);
  }

  @Test
  @Tag("ICE-1550")
  @Tag("ICE-1560")
  void ofRedundantPairsTheHigherPriorityStaysWhateverComesFirst() {
    Lists lists = new Lists(1);
    lists.remote(0, 1, "1", 65535);
    lists.start();
    Base base = lists.base(0, 1, "10.0.1.1");
    LocalCandidate reflexive = lists.local(base, CandidateType.SERVER_REFLEXIVE, "2", 65535);
    lists.set.addLocal(lists.stream(0), reflexive, 0);
    assertThat(lists.pairs(0)).singleElement().satisfies(pair -> {
      assertThat(pair.path.local()).isEqualTo(base.address);
    });
    LocalCandidate host = lists.local(base, CandidateType.HOST, "1", 65535);
    lists.set.addLocal(lists.stream(0), host, 0);
    assertThat(lists.pairs(0)).singleElement().satisfies(pair -> {
      assertThat(pair.local).isSameAs(host);
      assertThat(pair.priority)
          .isEqualTo(CandidatePair.priority(
              Role.CONTROLLING,
              host.candidate().priority(),
              pair.remote.candidate().priority()));
    });
  }

  @Test
  @Tag("ICE-1500")
  void aLateCandidateGoesThroughTheSameSteps() {
    Lists lists = new Lists(AgentHarness.settings(Role.CONTROLLING).maxPairs(3), 1);
    lists.host(0, 1, "a", 10);
    lists.remote(0, 1, "a", 10);
    lists.remote(0, 1, "b", 20);
    lists.start();
    RemoteCandidate late = lists.remote(0, 1, "c", 15);
    lists.set.addRemote(lists.stream(0), late, 0);
    assertThat(lists.pairs(0))
        .extracting(pair -> pair.remote.candidate().foundation())
        .containsExactly("b", "c", "a");
    RemoteCandidate best = lists.remote(0, 1, "d", 30);
    lists.set.addRemote(lists.stream(0), best, 0);
    assertThat(lists.pairs(0))
        .as("limited")
        .extracting(pair -> pair.remote.candidate().foundation())
        .containsExactly("d", "b", "c");
    LocalCandidate link = lists.local(lists.base(0, 1, "fe80::1%2"), CandidateType.HOST, "e", 1);
    lists.set.addLocal(lists.stream(0), link, 0);
    assertThat(lists.pairs(0)).hasSize(3);
  }

  // the limit

  @Test
  @Tag("ICE-1570")
  void twentyCandidatesOnEachSideLeaveTheBestHundredPairs() {
    Lists lists = new Lists(1);
    List<Long> all = new ArrayList<>();
    for (int i = 1; i <= 20; i++) {
      lists.host(0, 1, "l" + i, 100 * i);
      lists.remote(0, 1, "r" + i, 70 * i);
    }
    for (LocalCandidate local : lists.stream(0).locals()) {
      for (RemoteCandidate remote : lists.stream(0).remotes()) {
        all.add(CandidatePair.priority(
            Role.CONTROLLING, local.candidate().priority(), remote.candidate().priority()));
      }
    }
    lists.start();
    all.sort(Comparator.reverseOrder());
    assertThat(lists.pairs(0))
        .extracting(pair -> pair.priority)
        .containsExactlyElementsOf(all.subList(0, 100));
  }

  @ParameterizedTest
  @Tag("ICE-1570")
  @CsvSource({"1", "7", "1000"})
  void theLimitIsConfigurable(int limit) {
    Lists lists = new Lists(AgentHarness.settings(Role.CONTROLLING).maxPairs(limit), 1);
    for (int i = 1; i <= 10; i++) {
      lists.host(0, 1, "l" + i, i);
      lists.remote(0, 1, "r" + i, i);
    }
    lists.start();
    assertThat(lists.pairs(0)).hasSize(Math.min(limit, 100));
  }

  @Test
  @Tag("ICE-1580")
  void twoListsOf80AreCutTo50Each() {
    Lists lists = new Lists(1, 1);
    for (int stream = 0; stream < 2; stream++) {
      for (int i = 1; i <= 8; i++) {
        lists.host(stream, 1, "l" + i, 100 * i);
      }
      for (int i = 1; i <= 10; i++) {
        lists.remote(stream, 1, "r" + i, 100 * i);
      }
    }
    lists.start();
    for (int stream = 0; stream < 2; stream++) {
      List<Long> all = new ArrayList<>();
      for (LocalCandidate local : lists.stream(stream).locals()) {
        for (RemoteCandidate remote : lists.stream(stream).remotes()) {
          all.add(CandidatePair.priority(
              Role.CONTROLLING, local.candidate().priority(), remote.candidate().priority()));
        }
      }
      assertThat(all).hasSize(80);
      all.sort(Comparator.reverseOrder());
      assertThat(lists.pairs(stream))
          .extracting(pair -> pair.priority)
          .containsExactlyElementsOf(all.subList(0, 50));
    }
  }

  // freezing

  @Test
  @Tag("ICE-1590")
  void aPairsFoundationIsTheOrderedCoupleOfBoth() {
    Lists lists = new Lists(1);
    CandidatePair pair = pair(lists, 1, 1);
    assertThat(pair.foundation()).isEqualTo(new CandidatePair.Foundation("a", "b"));
    assertThat(pair.foundation()).isNotEqualTo(new CandidatePair.Foundation("b", "a"));
    assertThat(new CandidatePair.Foundation("1", "11"))
        .isNotEqualTo(new CandidatePair.Foundation("11", "1"));
  }

  /** Table 1 of RFC 8445 6.1.2.6: which foundations each of the lists m1, m2 and m3 has, and what becomes of them. */
  @Test
  @Tag("ICE-1610")
  void initialStatesAreThoseOfTable1() {
    Lists lists = new Lists(1, 1, 1);
    String[][] rows = {{"f1", "f2", "f3"}, {"f1", "f2", "f3", "f4"}, {"f1", "f5"}};
    for (int stream = 0; stream < 3; stream++) {
      int preference = 100;
      for (String foundation : rows[stream]) {
        lists.host(stream, 1, foundation, preference--);
      }
      lists.remote(stream, 1, "r", 1000);
    }
    lists.start();
    assertThat(states(lists, 0)).containsExactly("f1 WAITING", "f2 WAITING", "f3 WAITING");
    assertThat(states(lists, 1))
        .containsExactly("f1 FROZEN", "f2 FROZEN", "f3 FROZEN", "f4 WAITING");
    assertThat(states(lists, 2)).containsExactly("f1 FROZEN", "f5 WAITING");
    lists.session.streams.forEach(
        stream -> assertThat(stream.current.list.state).isEqualTo(Checklist.State.RUNNING));
  }

  private static List<String> states(Lists lists, int stream) {
    return lists.pairs(stream).stream()
        .map(pair -> pair.local.candidate().foundation() + " " + pair.state)
        .toList();
  }

  @Test
  @Tag("ICE-1610")
  void ofOneFoundationTheLowestComponentIsThawedThenTheHighestPriority() {
    Lists lists = new Lists(2);
    for (int component = 1; component <= 2; component++) {
      int preference = component == 2 ? 1000 : 10;
      lists.host(0, component, "f", preference);
      lists.host(0, component, "f", preference + 1);
      lists.remote(0, component, "r", 2000);
    }
    lists.start();
    List<CandidatePair> waiting =
        lists.pairs(0).stream().filter(pair -> pair.state == PairState.WAITING).toList();
    assertThat(waiting).singleElement().satisfies(pair -> {
      assertThat(pair.component()).isEqualTo(1);
      assertThat(pair.local.candidate().priority()).isEqualTo(Candidate.priority(126, 11, 1));
    });
    assertThat(lists.pairs(0)).hasSize(4);
  }

  @Test
  @Tag("ICE-1610")
  void ofEachFoundationExactlyOnePairIsThawedWhateverTheLists() {
    Random random = new Random(8);
    for (int round = 0; round < 200; round++) {
      int streams = 1 + random.nextInt(4);
      int[] components = new int[streams];
      for (int i = 0; i < streams; i++) {
        components[i] = 1 + random.nextInt(3);
      }
      Lists lists = new Lists(AgentHarness.settings(Role.CONTROLLING).maxPairs(1000), components);
      for (int stream = 0; stream < streams; stream++) {
        for (int component = 1; component <= components[stream]; component++) {
          for (int i = random.nextInt(4); i >= 0; i--) {
            lists.host(stream, component, "l" + random.nextInt(3), random.nextInt(60000));
            lists.remote(stream, component, "r" + random.nextInt(3), random.nextInt(60000));
          }
        }
      }
      lists.start();
      List<CandidatePair> all = new ArrayList<>();
      for (int stream = 0; stream < streams; stream++) {
        List<CandidatePair> ordered = new ArrayList<>(lists.pairs(stream));
        ordered.sort(Comparator.comparingInt(CandidatePair::component)
            .thenComparing(
                Comparator.<CandidatePair>comparingLong(pair -> pair.priority).reversed()));
        all.addAll(ordered); // the order in which the RFC looks
      }
      List<CandidatePair.Foundation> seen = new ArrayList<>();
      for (CandidatePair pair : all) {
        boolean first = !seen.contains(pair.foundation());
        seen.add(pair.foundation());
        boolean tied = all.stream()
            .anyMatch(other -> other != pair
                && other.generation == pair.generation
                && other.component() == pair.component()
                && other.priority == pair.priority);
        if (!tied) {
          assertThat(pair.state).isEqualTo(first ? PairState.WAITING : PairState.FROZEN);
        }
      }
    }
  }

  // picking

  @Test
  @Tag("ICE-1700")
  void theTriggeredCheckQueueIsFirstInFirstOutWithoutDuplicates() {
    Lists lists = new Lists(1);
    Checklist list = new Checklist(1);
    CandidatePair first = pair(lists, 1, 1);
    CandidatePair second = pair(lists, 1, 3);
    CandidatePair third = pair(lists, 1, 2);
    assertThat(list.hasTriggered()).isFalse();
    assertThat(list.pollTriggered()).isNull();
    List.of(first, second, first, third, second).forEach(list::trigger);
    assertThat(List.of(list.pollTriggered(), list.pollTriggered(), list.pollTriggered()))
        .containsExactly(first, second, third);
    assertThat(list.hasTriggered()).isFalse();
    assertThat(new Lists(1).stream(0).list.hasTriggered()).isFalse();
  }

  @Test
  @Tag("ICE-1710")
  void listsTakeTurns() {
    Lists lists = new Lists(1, 1, 1);
    for (int stream = 0; stream < 3; stream++) {
      for (int i = 1; i <= 2; i++) {
        lists.host(stream, 1, "s" + stream + "l" + i, 10 * i);
      }
      lists.remote(stream, 1, "r", 1000);
    }
    lists.start();
    assertThat(pick(lists, 6)).containsExactly("s0l2", "s1l2", "s2l2", "s0l1", "s1l1", "s2l1");
    assertThat(lists.set.next()).isNull();
  }

  /** Starts so many checks; answers the local foundations of their pairs. */
  private static List<String> pick(Lists lists, int number) {
    List<String> picked = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      CandidatePair pair = lists.set.next();
      picked.add(pair == null ? "none" : pair.local.candidate().foundation());
      if (pair != null) {
        lists.set.set(pair, PairState.IN_PROGRESS, "test");
      }
    }
    return picked;
  }

  @Test
  @Tag("ICE-1710")
  @Tag("ICE-1750")
  void listsThatAreDoneOrIdleArePassedOver() {
    Lists lists = new Lists(1, 1, 1, 1);
    for (int stream : List.of(0, 2, 3)) {
      for (int i = 1; i <= 2; i++) {
        lists.host(stream, 1, "s" + stream + "l" + i, 10 * i);
      }
      lists.remote(stream, 1, "r", 1000);
    }
    lists.start();
    lists.stream(2).list.state = Checklist.State.COMPLETED;
    lists.stream(3).list.state = Checklist.State.FAILED;
    assertThat(lists.set.pending()).isTrue();
    assertThat(pick(lists, 3)).containsExactly("s0l2", "s0l1", "none");
    assertThat(lists.set.pending()).isFalse();
    RemoteCandidate late = lists.remote(1, 1, "r", 1);
    LocalCandidate local = lists.host(1, 1, "s1", 1);
    lists.set.addLocal(lists.stream(1), local, 0);
    assertThat(lists.set.pending()).isTrue();
    assertThat(lists.set.next().remote).isSameAs(late);
  }

  @Test
  @Tag("ICE-1720")
  void aTriggeredCheckComesBeforeOrdinaryOnesOfItsList() {
    Lists lists = new Lists(1);
    for (int i = 1; i <= 3; i++) {
      lists.host(0, 1, "l" + i, 10 * i);
    }
    lists.remote(0, 1, "r", 1000);
    lists.start();
    CandidatePair lowest = lists.pairs(0).get(2);
    lists.set.trigger(lowest, "test", 0);
    assertThat(pick(lists, 4)).containsExactly("l1", "l3", "l2", "none");
  }

  @Test
  @Tag("ICE-1730")
  void aFoundationThatNobodyChecksIsThawedWhenItsListHasNothingElse() {
    Lists lists = new Lists(1, 1);
    for (int stream = 0; stream < 2; stream++) {
      lists.host(stream, 1, "f", 10);
      lists.host(stream, 1, "f", 20);
      lists.host(stream, 1, "s" + stream, 5);
      lists.remote(stream, 1, "r", 1000);
    }
    lists.start();
    assertThat(pick(lists, 2)).as("one of f in the first list").containsExactly("f", "s1");
    assertThat(pick(lists, 2)).as("f is in progress").containsExactly("s0", "none");
    CandidatePair inProgress = lists.pairs(0).get(0);
    lists.set.set(inProgress, PairState.FAILED, "test");
    assertThat(lists.set.pending()).isTrue();
    CandidatePair next = lists.set.next();
    assertThat(next.generation).as("the other list's turn").isSameAs(lists.stream(1));
    assertThat(next.local.candidate().priority()).isEqualTo(Candidate.priority(126, 20, 1));
    lists.set.set(next, PairState.IN_PROGRESS, "test");
    assertThat(lists.set.next()).as("one of a foundation at a time").isNull();
    assertThat(lists.pairs(0).stream().filter(pair -> pair.state == PairState.FROZEN))
        .hasSize(1);
    lists.set.set(next, PairState.FAILED, "test");
    assertThat(lists.set.next()).isNotNull();
  }

  /** It waits on a list whose component has its selected pair already, and would hold the other list up for ever. */
  @Test
  @Tag("ICE-1730")
  void aPairThatCameAfterItsListWasCompleteHoldsNobodyBack() {
    Lists lists = new Lists(1, 1);
    lists.remote(1, 1, "r", 1000);
    lists.start();
    lists.stream(0).list.state = Checklist.State.COMPLETED;
    lists.remote(0, 1, "r", 1000);
    lists.set.addLocal(lists.stream(0), lists.host(0, 1, "f", 10), 0);
    lists.set.addLocal(lists.stream(1), lists.host(1, 1, "f", 10), 0);
    assertThat(lists.pairs(1).get(0).state).isEqualTo(PairState.FROZEN);
    assertThat(lists.set.pending()).isTrue();
    assertThat(lists.set.next()).isSameAs(lists.pairs(1).get(0));
  }

  @Test
  @Tag("ICE-1730")
  void nothingIsThawedWhileTheListHasAPairThatWaits() {
    Lists lists = new Lists(1);
    lists.host(0, 1, "f", 30);
    lists.host(0, 1, "f", 20);
    lists.host(0, 1, "g", 10);
    lists.remote(0, 1, "r", 1000);
    lists.start();
    CandidatePair first = lists.set.next();
    lists.set.set(first, PairState.FAILED, "test");
    assertThat(pick(lists, 1)).as("g waits, though f is better").containsExactly("g");
    assertThat(pick(lists, 1)).containsExactly("f");
  }
}
