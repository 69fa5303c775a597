package dev.frazil.netty.io;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;

/**
 * A machine in the care of the {@link Driver} of its event loop, where all methods are called. Each call to the machine
 * goes the same way: handle, re-arm the timer, dispatch what the machine said.
 */
public abstract class Driven extends DeadlineQueue.Entry {
  private static final System.Logger LOGGER = System.getLogger(Driven.class.getName());

  /** A call to the machine. */
  @FunctionalInterface
  public interface Call {
    void at(long now);
  }

  private final Driver driver;
  private boolean attached;
  private boolean dispatching;

  public Driven(Driver driver) {
    this.driver = driver;
  }

  public final Driver driver() {
    return driver;
  }

  public abstract ProtocolMachine machine();

  /**
   * Does what the machine asked for beside sending, until nothing is left. Calls to the machine that come out of it are
   * made at once; what they bring is for the same round.
   */
  public abstract void dispatch();

  /** The runtime ends. */
  public abstract void shutDown();

  /** Makes a call to the machine. */
  public final void turn(Call call) {
    driver.beginTurn();
    try {
      attach();
      try {
        call.at(driver.now());
      } catch (Throwable e) {
        broken(e);
      }
      settle();
    } finally {
      driver.endTurn();
    }
  }

  /** Part of the turn that the driver or a port has begun. */
  public final void handleTimeout(long now) {
    try {
      machine().handleTimeout(now);
    } catch (Throwable e) {
      broken(e);
      shutDown(); // its timers can't go on, while one bad datagram is no reason to end
    }
    settle();
  }

  /** Part of the turn that a port has begun. */
  public final void handleDatagram(FiveTuple path, ByteBuffer datagram) {
    try {
      machine().handleDatagram(path, datagram, driver.now());
    } catch (Throwable e) {
      broken(e);
    }
    settle();
  }

  /** Re-arms and dispatches, within a turn, after a call to the machine; also after one that failed. */
  public final void settle() {
    if (dispatching) {
      return;
    }
    arm();
    dispatching = true;
    try {
      dispatch();
    } catch (Throwable e) {
      broken(e);
    } finally {
      dispatching = false;
      arm();
    }
  }

  private void arm() {
    if (attached) {
      driver.arm(this);
    }
  }

  /** Joins the driver: the runtime shuts it down at its end. */
  public final void attach() {
    if (!attached) {
      attached = true;
      driver.add(this);
    }
  }

  /** Leaves the driver: no further timer. */
  public final void detach() {
    attached = false;
    driver.remove(this);
  }

  private static void broken(Throwable e) {
    LOGGER.log(Level.ERROR, "a defect in a machine or its runtime", e);
  }
}
