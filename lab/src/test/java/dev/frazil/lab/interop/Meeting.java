package dev.frazil.lab.interop;

import dev.frazil.lab.interop.TestNetwork.Family;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A crossing as tests describe it: two peers by name on an IPv4 network, the left one controlling, 20 payloads. */
record Meeting(
    End left,
    End right,
    boolean trickle,
    Set<Family> families,
    @Nullable String relay) {
  private static final int COUNT = 20;
  private static final int INTERVAL = 10;

  static Meeting of(String left, String right) {
    return new Meeting(
        End.of(left, true), End.of(right, false), false, EnumSet.of(Family.IPV4), null);
  }

  Meeting roles(boolean leftControls, boolean rightControls) {
    return new Meeting(
        left.withControlling(leftControls),
        right.withControlling(rightControls),
        trickle,
        families,
        relay);
  }

  /** The right one controls, not the left one. */
  Meeting swapped() {
    return roles(false, true);
  }

  Meeting trickling(boolean on) {
    return new Meeting(left, right, on, families, relay);
  }

  Meeting behind(Nat leftNat, Nat rightNat) {
    return new Meeting(left.withNat(leftNat), right.withNat(rightNat), trickle, families, relay);
  }

  Meeting signalling(Signalling ofLeft, Signalling ofRight) {
    return new Meeting(
        left.withSignalling(ofLeft), right.withSignalling(ofRight), trickle, families, relay);
  }

  Meeting over(Family first, Family... more) {
    return new Meeting(left, right, trickle, EnumSet.of(first, more), relay);
  }

  /** With a TURN server on the segment, frazil-turn or coturn. */
  Meeting relayedBy(String server) {
    return new Meeting(left, right, trickle, families, server);
  }

  /** Further arguments of the left one. */
  Meeting leftWith(String... arguments) {
    return new Meeting(left.withExtra(List.of(arguments)), right, trickle, families, relay);
  }

  /** Further arguments of the right one. */
  Meeting rightWith(String... arguments) {
    return new Meeting(left, right.withExtra(List.of(arguments)), trickle, families, relay);
  }

  /** Lets both begin; skips the test when this machine lacks one of them. */
  Crossing begin() {
    boolean anyNat = left.nat != Nat.NONE || right.nat != Nat.NONE;
    PeerProgram server = relay == null ? null : InteropMachine.program(relay);
    return Crossing.begin(
        new Crossing.Plan(side(left), side(right), families, anyNat, server), false);
  }

  private Crossing.Side side(End end) {
    PeerArguments arguments = PeerArguments.DEFAULT
        .withControlling(end.controlling)
        .withTrickle(trickle)
        .withPayloads(COUNT, INTERVAL)
        .withExtra(end.extra);
    return new Crossing.Side(InteropMachine.program(end.peer), arguments, end.nat, end.signalling);
  }

  @Override
  public String toString() {
    return left + ", " + right + (trickle ? ", trickling" : "")
        + (relay == null ? "" : ", relayed by " + relay)
        + (families.equals(EnumSet.of(Family.IPV4)) ? "" : ", over " + families);
  }

  /** One end of it. */
  record End(String peer, boolean controlling, Nat nat, Signalling signalling, List<String> extra) {
    static End of(String peer, boolean controlling) {
      return new End(peer, controlling, Nat.NONE, Signalling.PROMPT, List.of());
    }

    End withControlling(boolean newControlling) {
      return new End(peer, newControlling, nat, signalling, extra);
    }

    End withNat(Nat newNat) {
      return new End(peer, controlling, newNat, signalling, extra);
    }

    End withSignalling(Signalling newSignalling) {
      return new End(peer, controlling, nat, newSignalling, extra);
    }

    End withExtra(List<String> newExtra) {
      return new End(peer, controlling, nat, signalling, newExtra);
    }

    @Override
    public String toString() {
      return (controlling ? "controlling " : "controlled ")
          + peer
          + (nat == Nat.NONE ? "" : " behind " + nat)
          + (signalling == Signalling.PROMPT ? "" : " heard " + signalling)
          + (extra.isEmpty() ? "" : " " + String.join(" ", extra));
    }
  }
}
