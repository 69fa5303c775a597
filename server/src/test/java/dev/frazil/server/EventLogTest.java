package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerEvent;
import java.util.List;
import org.junit.jupiter.api.Test;

class EventLogTest {
  private static final TransportAddress SERVER = TransportAddress.udp("192.0.2.1", 3478);
  private static final TransportAddress CLIENT = TransportAddress.udp("203.0.113.57", 4711);
  private static final EventLog LOG = new EventLog(false);

  @Test
  void clientsAndPeersAreToldByTheirNetwork() {
    String created = LOG.line(new TurnServerEvent.AllocationCreated(
        7, "bob", new FiveTuple(SERVER, CLIENT), List.of(SERVER.withPort(50_000))));
    assertThat(created)
        .isEqualTo("event=allocation-created id=7 user=\"bob\" client=203.0.113.0/24 transport=UDP"
            + " relayed=192.0.2.1:50000");
    assertThat(LOG.line(new TurnServerEvent.PeerRefused(7, CLIENT)))
        .isEqualTo("event=peer-refused id=7 peer=203.0.113.0/24");
    assertThat(LOG.network(IpAddress.parse("2001:db8:1234:5678::9")))
        .isEqualTo("2001:db8:1234::/48");
  }

  @Test
  void wholeAddressesAreToldWhereAskedFor() {
    assertThat(new EventLog(true).network(CLIENT.ip())).isEqualTo("203.0.113.57");
  }

  @Test
  void endTellsTheReasonAndWhatWasCarried() {
    assertThat(LOG.line(new TurnServerEvent.AllocationEnded(
            7, "bob", TurnServerEvent.EndReason.EXPIRED, new TurnServer.Traffic(1, 2, 3, 4))))
        .isEqualTo("event=allocation-ended id=7 user=\"bob\" reason=EXPIRED packets-to-peers=1"
            + " bytes-to-peers=2 packets-to-client=3 bytes-to-client=4");
  }

  @Test
  void nameFromTheNetworkCannotForgeALine() {
    assertThat(EventLog.quoted("a\"b\\c\nevent=x\u202E"))
        .isEqualTo("\"a\\u{22}b\\u{5c}c\\u{a}event=x\\u{202e}\"");
    assertThat(EventLog.quoted("x".repeat(500))).hasSize(66);
  }
}
