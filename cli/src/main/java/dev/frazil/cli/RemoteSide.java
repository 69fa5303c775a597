package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the other side told, handed to the session when the time has come: at once with trickle, else when both sides have
 * all their candidates. Keeps count of the generations.
 */
final class RemoteSide {
  /** A line so far ahead is a mistake, and following it would cost as many restarts. */
  private static final int MAX_LEAP = 100;

  /** The session, as far as the other side's words concern it. */
  interface Listener {
    void restart();

    void setRemote(IceParameters remote);

    void addRemoteCandidate(Candidate candidate);

    void endOfRemoteCandidates();

    /** Does something a little later. */
    void later(Runnable task);
  }

  private final boolean trickle;
  private final Listener session;
  private int generation;
  private @Nullable IceParameters parameters;
  private final List<Candidate> candidates = new ArrayList<>();
  private boolean ended;
  private boolean gathered;
  private boolean open;

  RemoteSide(boolean trickle, Listener session) {
    this.trickle = trickle;
    this.session = session;
    this.open = trickle;
  }

  void handle(Instruction.Credentials line) {
    if (enter(line.generation())) {
      parameters = line.remote();
      if (open) {
        session.setRemote(line.remote());
      }
      openWhenReady();
    }
  }

  void handle(Instruction.RemoteCandidate line) {
    if (!enter(line.generation())) {
      return;
    }
    if (open) {
      session.addRemoteCandidate(line.candidate());
    } else {
      candidates.add(line.candidate());
    }
  }

  void handle(Instruction.EndOfCandidates line) {
    if (enter(line.generation())) {
      ended = true;
      if (open) {
        endLater();
      }
      openWhenReady();
    }
  }

  /**
   * The signalling path may reorder, and an agent takes no candidate after the end (RFC 8838 14): those that were said
   * before it get the time to come.
   */
  private void endLater() {
    int of = generation;
    session.later(() -> {
      if (generation == of) {
        session.endOfRemoteCandidates();
      }
    });
  }

  /** The harness wants a new generation. */
  void restart() {
    begin(generation + 1);
    session.restart();
  }

  /** The session is in this generation now, because we or the other side restarted. */
  void handleRestarted(int now) {
    if (now > generation) {
      begin(now);
    }
  }

  /** The session has all its candidates of a generation. */
  void handleGathered(int of) {
    if (of == generation) {
      gathered = true;
      openWhenReady();
    }
  }

  /** Whether a line of this generation counts. One above our own makes us begin it. */
  private boolean enter(int of) {
    if (of - generation > MAX_LEAP) {
      throw new IllegalArgumentException("generation " + of + ": must be at most " + MAX_LEAP
          + " above the present " + generation);
    }
    while (of > generation) {
      restart();
    }
    return of == generation;
  }

  private void begin(int next) {
    generation = next;
    parameters = null;
    candidates.clear();
    ended = false;
    gathered = false;
    open = trickle;
  }

  private void openWhenReady() {
    if (open || !gathered || !ended || parameters == null) {
      return;
    }
    open = true;
    session.setRemote(parameters);
    candidates.forEach(session::addRemoteCandidate);
    session.endOfRemoteCandidates();
  }
}
