package dev.frazil.ice;

import dev.frazil.ice.Session.Timer;
import dev.frazil.net.ProtocolMachine;
import java.util.ArrayList;
import java.util.List;

/** Starts transactions one per Ta, gathering and checks in turn (RFC 8445 14.2), within the pace of the process. */
final class Schedule {
  /** Something that has transactions to start. */
  interface Work {
    boolean pending();

    /** Starts one transaction; false when there was none to start after all. */
    boolean startOne(long now);
  }

  private final Session session;
  private final List<Work> works = new ArrayList<>(2);
  private final Timer timer = new Timer(this::tick);
  private int turn;
  private boolean waiting;
  /** The slot in the pace of the process that is ours; {@link ProtocolMachine#NEVER} for none. */
  private long slot = ProtocolMachine.NEVER;
  /** One Ta after the last start. */
  private long earliest;

  Schedule(Session session) {
    this.session = session;
  }

  void add(Work work) {
    works.add(work);
  }

  /** There may be something to start. */
  void wake(long now) {
    if (!waiting && !session.closed && works.stream().anyMatch(Work::pending)) {
      waiting = true;
      session.schedule(timer, Math.max(now, earliest));
    }
  }

  /** A slot is taken only when this agent could start something: those in between are for others. */
  private void tick(long now) {
    if (slot == ProtocolMachine.NEVER) {
      slot = session.configuration.pacer.reserve(now);
    }
    if (slot > now) {
      session.schedule(timer, slot);
      return;
    }
    slot = ProtocolMachine.NEVER;
    for (int i = 0; i < works.size(); i++) {
      Work work = works.get((turn + i) % works.size());
      if (work.startOne(now)) {
        turn = (turn + i + 1) % works.size();
        earliest = now + session.ta;
        break;
      }
    }
    waiting = false; // not before: what a start makes ready waits for the time set by it
    wake(now);
  }
}
