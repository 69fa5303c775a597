package dev.frazil.cli;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a peer is told on its command line.
 *
 * @param role the role it starts with; the controlling one sends payloads
 * @param stunServers whom to ask for reflexive addresses
 * @param turnServers whom to ask for relayed addresses
 * @param authorities whose certificates of TURN servers are believed; null for those that Java knows
 * @param relayOnly use and tell relayed candidates only
 * @param trickle tell and use candidates as they come
 * @param count how many payloads to send when connected
 * @param size the bytes of each
 * @param interval the milliseconds between them
 * @param loopback loopback addresses count
 * @param interfaces the names of the network interfaces to use; empty for all
 * @param lite be a lite agent
 * @param pacing the Ta to propose, in milliseconds
 * @param timeout how long after the start to give up
 */
record PeerSettings(
    Role role,
    List<StunServer> stunServers,
    List<TurnServer> turnServers,
    @Nullable KeyStore authorities,
    boolean relayOnly,
    boolean trickle,
    int count,
    int size,
    double interval,
    boolean loopback,
    Set<String> interfaces,
    boolean lite,
    int pacing,
    Duration timeout) {}
