package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerEvent;
import java.lang.System.Logger.Level;
import java.util.function.Consumer;

/**
 * Writes what the server does to the log: a line of {@code key=value} for each event. Clients and peers are told by
 * their network, unless whole addresses are asked for; nothing secret is told ever.
 */
final class EventLog implements Consumer<TurnServerEvent> {
  private static final System.Logger LOGGER = System.getLogger(EventLog.class.getName());

  private static final int MOST_NAME_CHARACTERS = 64;

  private final boolean fullAddresses;

  EventLog(boolean fullAddresses) {
    this.fullAddresses = fullAddresses;
  }

  @Override
  public void accept(TurnServerEvent event) {
    Level level = event instanceof TurnServerEvent.AllocationCreated
            || event instanceof TurnServerEvent.AllocationEnded
        ? Level.INFO
        : Level.DEBUG; // what a client can make a thousand of
    if (LOGGER.isLoggable(level)) {
      LOGGER.log(level, line(event));
    }
  }

  String line(TurnServerEvent event) {
    if (event instanceof TurnServerEvent.AllocationCreated created) {
      return "event=allocation-created id=" + created.allocation() + " user="
          + quoted(created.username()) + " client="
          + network(created.client().remote().ip())
          + " transport=" + created.client().remote().transport() + " relayed="
          + String.join(",", created.relayed().stream().map(Object::toString).toList());
    } else if (event instanceof TurnServerEvent.AllocationEnded ended) {
      TurnServer.Traffic traffic = ended.traffic();
      return "event=allocation-ended id=" + ended.allocation() + " user="
          + quoted(ended.username()) + " reason=" + ended.reason()
          + " packets-to-peers=" + traffic.packetsToPeers()
          + " bytes-to-peers=" + traffic.bytesToPeers()
          + " packets-to-client=" + traffic.packetsToClient()
          + " bytes-to-client=" + traffic.bytesToClient();
    } else if (event instanceof TurnServerEvent.AllocationMoved moved) {
      return "event=allocation-moved id=" + moved.allocation() + " client="
          + network(moved.client().remote().ip());
    } else if (event instanceof TurnServerEvent.PermissionCreated permission) {
      return "event=permission-created id=" + permission.allocation() + " peer="
          + network(permission.peer());
    } else if (event instanceof TurnServerEvent.ChannelBound channel) {
      return "event=channel-bound id=" + channel.allocation() + " channel=" + channel.number()
          + " peer=" + network(channel.peer().ip());
    } else if (event instanceof TurnServerEvent.PeerRefused refused) {
      return "event=peer-refused id=" + refused.allocation() + " peer="
          + network(refused.peer().ip());
    }
    return "event=" + event.getClass().getSimpleName();
  }

  /** An IPv4 address without its last 8 bits, an IPv6 address without its last 80. */
  String network(IpAddress ip) {
    if (fullAddresses) {
      return ip.toString();
    }
    return ip.isIpv4()
        ? IpAddress.ofIpv4((int) ip.low() & 0xFFFF_FF00) + "/24"
        : IpAddress.ofIpv6(ip.high() & 0xFFFF_FFFF_FFFF_0000L, 0) + "/48";
  }

  /** A name from the network, so that it can't pretend to be anything else in the log. */
  static String quoted(String name) {
    StringBuilder text = new StringBuilder("\"");
    name.codePoints().limit(MOST_NAME_CHARACTERS).forEach(c -> {
      if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') {
        text.append(String.format("\\u{%x}", c));
      } else {
        text.appendCodePoint(c);
      }
    });
    return text.append('"').toString();
  }
}
