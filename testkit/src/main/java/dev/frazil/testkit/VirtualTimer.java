package dev.frazil.testkit;

import dev.frazil.net.ProtocolMachine;

/** An action that a virtual Internet will run at a point of its time. */
public final class VirtualTimer extends Event {
  private final VirtualInternet net;
  private final Runnable action;

  VirtualTimer(VirtualInternet net, Runnable action) {
    this.net = net;
    this.action = action;
  }

  /** Keeps the action from running; does nothing when it ran already. */
  public void cancel() {
    net.events().cancel(this);
  }

  /** Whether the action is still to run. */
  public boolean isPending() {
    return deadline() != ProtocolMachine.NEVER;
  }

  @Override
  void fire(long now) {
    action.run();
  }
}
