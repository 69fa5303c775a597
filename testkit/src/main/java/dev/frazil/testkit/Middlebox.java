package dev.frazil.testkit;

import java.util.List;

/** A box between an inner and an outer network, through which all packets between them pass. */
public abstract class Middlebox {
  /** One side of a middlebox: its attachment to one of its networks. */
  final class Side extends Attachment {
    private final boolean inward;

    Side(String side, Network network, boolean inward) {
      super(Middlebox.this.net, name + "/" + side, network);
      this.inward = inward;
    }

    Middlebox box() {
      return Middlebox.this;
    }

    boolean isInner() {
      return inward;
    }

    @Override
    void receive(Packet packet) {
      if (!isWorking()) {
        net.log().drop(packet, DropReason.INTERFACE_DOWN, place);
      } else if (!packet.hop()) {
        net.log().drop(packet, DropReason.HOP_LIMIT, place);
      } else if (packet.source.ip().isLinkLocal() || packet.destination.ip().isLinkLocal()) {
        net.log().drop(packet, DropReason.LINK_LOCAL, place);
      } else if (inward) {
        fromInside(packet);
      } else {
        fromOutside(packet);
      }
    }

    @Override
    boolean isWorking() {
      return Middlebox.this.up;
    }

    @Override
    boolean isHost() {
      return false;
    }
  }

  final VirtualInternet net;
  final Side innerSide;
  final Side outerSide;
  private final String name;
  private boolean up = true;

  Middlebox(VirtualInternet net, String name, Network inner, Network outer) {
    if (inner == outer) {
      throw new IllegalArgumentException(name + ": inner and outer network are both " + inner);
    }
    this.net = net;
    this.name = name;
    this.innerSide = new Side("inner", inner, true);
    this.outerSide = new Side("outer", outer, false);
  }

  /** Its name. */
  public final String name() {
    return name;
  }

  /** The network on the side that it protects or translates. */
  public final Network inner() {
    return innerSide.attachedTo();
  }

  /** The network on the other side. */
  public final Network outer() {
    return outerSide.attachedTo();
  }

  /** Whether it works; a new one does. */
  public final boolean isUp() {
    return up;
  }

  /** Turns it on or off. Off, it carries nothing; what it knows is kept. */
  public final void up(boolean value) {
    up = value;
  }

  /** Sets the link to the outer network, towards it and from it; perfect unless set. */
  public final void outerLink(Link towards, Link from) {
    outerSide.up.settings(towards);
    outerSide.down.settings(from);
  }

  /** Sets the link to the inner network, towards it and from it; perfect unless set. */
  public final void innerLink(Link towards, Link from) {
    innerSide.up.settings(towards);
    innerSide.down.settings(from);
  }

  @Override
  public final String toString() {
    return name;
  }

  abstract void fromInside(Packet packet);

  abstract void fromOutside(Packet packet);

  final List<Attachment> sides() {
    return List.of(innerSide, outerSide);
  }
}
