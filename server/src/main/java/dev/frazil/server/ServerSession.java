package dev.frazil.server;

import java.util.List;

/**
 * An allocation of a running server, as {@link ServerControl} tells it.
 *
 * @param id names it to {@link ServerControl#end}
 * @param user the username, as it came from the network
 * @param transport what the client speaks to the server: udp, tcp, …
 * @param client its address and port, as the server sees them
 * @param relayed what the client was told
 * @param connections TCP connections with peers (RFC 6062)
 */
public record ServerSession(
    long id,
    String user,
    String transport,
    String client,
    List<String> relayed,
    int permissions,
    int channels,
    int connections,
    long packetsToPeers,
    long bytesToPeers,
    long packetsToClient,
    long bytesToClient) {
  public ServerSession {
    relayed = List.copyOf(relayed);
  }
}
