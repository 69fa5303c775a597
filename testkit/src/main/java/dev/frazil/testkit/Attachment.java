package dev.frazil.testkit;

/** The place where a node is connected to a network: its link ends here. */
abstract class Attachment {
  final VirtualInternet net;
  final PacketLog.Place place;
  private final Network network;
  final LinkDirection up = new LinkDirection(this, true);
  final LinkDirection down = new LinkDirection(this, false);

  Attachment(VirtualInternet net, String place, Network network) {
    this.net = net;
    this.place = net.capture().place(place);
    this.network = network;
  }

  final Network attachedTo() {
    return network;
  }

  /** Puts a packet on the link towards the network. */
  final void send(Packet packet, Sighting.Fate fate) {
    if (!isWorking()) {
      net.log().drop(packet, DropReason.INTERFACE_DOWN, place);
      return;
    }
    net.log().see(packet, fate, place);
    up.carry(packet);
  }

  /** Takes a packet that the link brought from the network. */
  abstract void receive(Packet packet);

  abstract boolean isWorking();

  /** Whether packets end here; those are always delivered by an event, so that no handler is called inside a send. */
  abstract boolean isHost();

  @Override
  public String toString() {
    return place.name();
  }
}
