package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An agent with one stream on 192.0.2.1, and the peer that a test plays: what most tests of checks begin with. */
final class Encounter {
  /** Where the peer is, unless a test says otherwise. */
  static final TransportAddress THERE = TransportAddress.udp("192.0.2.9", 4000);

  final VirtualTime time = new VirtualTime();
  final AgentHarness agent;
  final ScriptedPeer peer;

  Encounter(IceConfiguration.Builder settings) {
    this(settings, 1);
  }

  Encounter(IceConfiguration.Builder settings, int components) {
    this(settings, components, "192.0.2.1");
  }

  Encounter(IceConfiguration.Builder settings, int components, String... addresses) {
    agent = AgentHarness.started(time, settings.build(), components, addresses);
    peer = new ScriptedPeer(agent, 0);
  }

  private Encounter(IceConfiguration configuration, int components) {
    agent = new AgentHarness(time, configuration);
    agent.call(now -> agent.agent().addStream(components, now));
    peer = new ScriptedPeer(agent, 0);
  }

  /** An agent that does not know its addresses yet: {@link AgentHarness#interfaces} begins to gather. */
  static Encounter withoutInterfaces(IceConfiguration.Builder settings, int components) {
    return new Encounter(settings.build(), components);
  }

  Encounter(Role role) {
    this(AgentHarness.settings(role));
  }

  /** The peer has told its parameters and one candidate, {@link #THERE}, and that this is all. */
  Encounter introduced() {
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.tellEnd();
    return this;
  }

  /** From now on the peer answers every check, 20 ms later. */
  Encounter answering() {
    peer.answerWhen(check -> true, Duration.ofMillis(20));
    return this;
  }

  /** Introduced, checked, nominated and completed, all by way of {@link #THERE}. */
  Encounter completed() {
    answering().introduced();
    if (agent.agent().role() == Role.CONTROLLED) {
      time.runFor(Duration.ofMillis(100));
      fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    }
    runUntil(IceState.COMPLETED);
    return this;
  }

  void runUntil(IceState state) {
    if (!time.runUntil(() -> agent.agent().state() == state, Duration.ofMinutes(3))) {
      throw new AssertionError(agent.agent() + " is not " + state);
    }
  }

  void runMillis(long millis) {
    time.runFor(Duration.ofMillis(millis));
  }

  /** A check of the peer from {@link #THERE} to the agent's first socket. */
  ScriptedPeer.Request fromThere() {
    return from(THERE);
  }

  ScriptedPeer.Request from(TransportAddress source) {
    return peer.request(source, agent.bases().get(0));
  }

  // what the agent thinks

  List<IceStatistics.PairStatistics> pairs() {
    return agent.agent().statistics().pairs();
  }

  /** The only pair with a remote address. */
  IceStatistics.PairStatistics pairTo(TransportAddress remote) {
    List<IceStatistics.PairStatistics> found =
        pairs().stream().filter(pair -> pair.remote().address().equals(remote)).toList();
    if (found.size() != 1) {
      throw new AssertionError("pairs to " + remote + ": " + found);
    }
    return found.get(0);
  }

  PairState stateOf(TransportAddress remote) {
    return pairTo(remote).state();
  }

  /** The states that the pairs with a remote address have gone through, as the event log has them. */
  List<PairState> statesOf(TransportAddress remote) {
    return agent.events(IceEvent.PairChanged.class).stream()
        .filter(event -> event.state() != null && event.path().endsWith(" " + remote))
        .map(IceEvent.PairChanged::state)
        .toList();
  }

  List<RemoteSummary> remotes() {
    return agent.agent().statistics().remoteCandidates().stream()
        .map(each -> new RemoteSummary(each.candidate().type(), each.candidate().address()))
        .toList();
  }

  /** A remote candidate in short. */
  record RemoteSummary(CandidateType type, TransportAddress address) {}

  long dropped(DropReason reason) {
    return agent.agent().statistics().dropped().getOrDefault(reason, 0L);
  }

  /** Whether data goes out on the first component. */
  SendResult send() {
    SendResult[] result = new SendResult[1];
    agent.call(now -> result[0] = agent.agent().send(0, 1, ByteBuffer.wrap(new byte[] {42}), now));
    return result[0];
  }

  /** Data that the peer sends from somewhere to the agent's first socket. */
  void data(TransportAddress from, int... bytes) {
    ByteBuffer payload = ByteBuffer.allocate(bytes.length);
    for (int value : bytes) {
      payload.put((byte) value);
    }
    agent.receive(new FiveTuple(agent.bases().get(0), from), payload.flip());
  }

  /** The key of the agent's current password. */
  IntegrityKey agentKey() {
    return IntegrityKey.shortTerm(agent.agent().localParameters(0).password());
  }

  /** The code of an error response; 0 for any other message, -1 for none. */
  static int errorOf(@Nullable StunMessage response) {
    if (response == null) {
      return -1;
    }
    var error = response.get(AttributeType.ERROR_CODE);
    return error == null ? 0 : error.code();
  }
}
