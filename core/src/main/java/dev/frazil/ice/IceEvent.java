package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an agent tells its application. Streams are named by index, components from 1. */
public sealed interface IceEvent {
  /** A local candidate is to be told to the peer, tied to the generation with this ufrag. */
  record CandidateGathered(int stream, String ufrag, Candidate candidate) implements IceEvent {}

  /** No more local candidates come in this generation: tell the peer end-of-candidates. */
  record GatheringComplete(int stream, String ufrag) implements IceEvent {}

  /** A new generation began, by our restart or the peer's: tell the peer these parameters. */
  record Restarted(int stream, int generation, IceParameters local) implements IceEvent {}

  /** A restart would help, because something changed that the present generation can't use. */
  record RestartAdvised(int stream, String reason) implements IceEvent {}

  /** The session's state changed. The reason is given for FAILED and DISCONNECTED. */
  record StateChanged(IceState state, @Nullable String reason) implements IceEvent {}

  /** One stream failed while others may go on (RFC 8445 8.1.2). */
  record StreamFailed(int stream, String reason) implements IceEvent {}

  /** The path that data takes changed; null when there is none. The five-tuple is as this host sees it. */
  record PathChanged(int stream, int component, @Nullable FiveTuple path) implements IceEvent {}

  /** Nomination is over for a component. */
  record PairSelected(int stream, int component, Candidate local, Candidate remote)
      implements IceEvent {}

  /**
   * Two lite agents had more than one pair to choose from: this one, which controls, tells the peer which it selected,
   * in an updated exchange (RFC 8445 8.2). The peer's answer is handed in with {@link IceAgent#addRemoteSelection}.
   */
  record SelectionToTell(int stream, List<PairSelected> pairs) implements IceEvent {}

  /** The peer's consent to receive ran out or was revoked (RFC 7675). */
  record ConsentLost(int stream, int component, String reason) implements IceEvent {}

  /** A role conflict made this agent take the other role (RFC 8445 7.3.1.1). */
  record RoleSwitched(Role role) implements IceEvent {}

  /** Something in the surroundings went wrong and the session goes on without it. */
  record Warning(String what) implements IceEvent {}

  /**
   * A line of the event log: what was decided about a pair, and why. Only when {@link IceConfiguration#eventLog} is
   * on.
   */
  record PairChanged(
      int stream,
      int component,
      long pair,
      String path,
      @Nullable PairState state,
      String why) implements IceEvent {}

  /** A line of the event log about anything else that was decided. Only when the event log is on. */
  record Decided(String what, String why) implements IceEvent {}
}
