package dev.frazil.ice;

import dev.frazil.ice.Session.Timer;
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
  private long earliest;

  Schedule(Session session) {
    this.session = session;
  }

  void add(Work work) {
    works.add(work);
  }

  /** There may be something to start. */
  void wake(long now) {
    if (waiting || session.closed || works.stream().noneMatch(Work::pending)) {
      return;
    }
    waiting = true;
    session.schedule(timer, session.configuration.pacer.reserve(Math.max(now, earliest)));
  }

  private void tick(long now) {
    waiting = false;
    for (int i = 0; i < works.size(); i++) {
      Work work = works.get((turn + i) % works.size());
      if (work.startOne(now)) {
        turn = (turn + i + 1) % works.size();
        earliest = now + session.ta;
        break;
      }
    }
    wake(now);
  }
}
