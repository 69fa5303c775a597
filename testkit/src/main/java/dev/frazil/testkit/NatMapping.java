package dev.frazil.testkit;

import dev.frazil.net.TransportAddress;
import org.jspecify.annotations.Nullable;

/**
 * A mapping that a NAT holds.
 *
 * @param internal the endpoint inside
 * @param external its endpoint in the outer network
 * @param remote the endpoint outside that the mapping is for; null when it is for all, port 0 when it is for all ports
 *     of an address
 * @param expires the virtual time in nanoseconds at which it ends unless it is refreshed
 */
public record NatMapping(
    TransportAddress internal,
    TransportAddress external,
    @Nullable TransportAddress remote,
    long expires) {}
