package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The mappings of a NAT and their filters. What has timed out is removed when it is met, or when the table has doubled.
 */
final class MappingTable {
  /** One mapping: an internal endpoint, its external one, and who may send there. */
  static final class Mapping {
    final TransportAddress internal;
    final TransportAddress external;
    private final @Nullable TransportAddress remote;
    private final Permissions permissions;

    Mapping(
        TransportAddress internal,
        TransportAddress external,
        @Nullable TransportAddress remote,
        Permissions filter) {
      this.internal = internal;
      this.external = external;
      this.remote = remote;
      this.permissions = filter;
    }
  }

  /** The mappings of one internal endpoint: {@code only}, or one for each external address or endpoint. */
  private static final class Endpoint {
    private @Nullable Mapping only;
    private final Map<Object, Mapping> byRemote = new HashMap<>();
  }

  private static final int FIRST_SWEEP = 256;

  private final NatBehavior behavior;
  private final PortAllocator allocator;
  private final Map<TransportAddress, Endpoint> byInternal = new HashMap<>();
  private final Map<TransportAddress, Mapping> byExternal = new LinkedHashMap<>();
  private int sweepAt = FIRST_SWEEP;

  MappingTable(NatBehavior behavior, List<IpAddress> external, SplittableRandom random) {
    this.behavior = behavior;
    this.allocator = new PortAllocator(behavior, external, random);
  }

  /** The mapping for a packet from inside, refreshed, made when there is none; null when all ports are taken. */
  @Nullable Mapping outbound(TransportAddress internal, TransportAddress remote, long now) {
    Mapping mapping = existing(internal, remote, now);
    if (mapping == null) {
      mapping = create(internal, remote, now);
    }
    if (mapping != null) {
      mapping.permissions.grant(remote, now);
    }
    return mapping;
  }

  /** The mapping that packets from this internal endpoint to this remote one have, or null. */
  @Nullable Mapping existing(TransportAddress internal, TransportAddress remote, long now) {
    Endpoint endpoint = byInternal.get(internal);
    if (endpoint == null) {
      return null;
    }
    Mapping mapping = behavior.mapping() == NatBehavior.Dependence.ENDPOINT_INDEPENDENT
        ? endpoint.only
        : endpoint.byRemote.get(Permissions.key(behavior.mapping(), remote));
    return mapping == null ? null : alive(mapping, now);
  }

  /** The mapping that has this external endpoint, or null. */
  @Nullable Mapping inbound(TransportAddress external, long now) {
    Mapping mapping = byExternal.get(external);
    return mapping == null ? null : alive(mapping, now);
  }

  /** Whether the filter lets a packet from this endpoint in; changes nothing. */
  boolean admits(Mapping mapping, TransportAddress remote, long now) {
    return mapping.permissions.admits(remote, now);
  }

  /** Notes that an inbound packet from this endpoint passed. */
  void passed(Mapping mapping, TransportAddress remote, long now) {
    if (behavior.inboundRefresh()) {
      mapping.permissions.grant(remote, now);
    }
  }

  List<Nat.Mapping> mappings(long now) {
    List<Nat.Mapping> alive = new ArrayList<>();
    for (Mapping each : byExternal.values()) {
      if (each.permissions.isAlive(now)) {
        alive.add(
            new Nat.Mapping(each.internal, each.external, each.remote, each.permissions.expires()));
      }
    }
    return alive;
  }

  private @Nullable Mapping create(TransportAddress internal, TransportAddress remote, long now) {
    if (byExternal.size() >= sweepAt) {
      List.copyOf(byExternal.values()).forEach(each -> alive(each, now));
      sweepAt = Math.max(FIRST_SWEEP, 2 * byExternal.size());
    }
    TransportAddress external =
        allocator.allocate(internal, candidate -> inbound(candidate, now) == null);
    if (external == null) {
      return null;
    }
    Endpoint endpoint = byInternal.computeIfAbsent(internal, key -> new Endpoint());
    Permissions filter =
        new Permissions(behavior.filtering(), behavior.mappingTimeout().toNanos());
    Mapping mapping;
    if (behavior.mapping() == NatBehavior.Dependence.ENDPOINT_INDEPENDENT) {
      mapping = new Mapping(internal, external, null, filter);
      endpoint.only = mapping;
    } else {
      boolean anyPort = behavior.mapping() == NatBehavior.Dependence.ADDRESS_DEPENDENT;
      mapping = new Mapping(internal, external, anyPort ? remote.withPort(0) : remote, filter);
      endpoint.byRemote.put(Permissions.key(behavior.mapping(), remote), mapping);
    }
    byExternal.put(external, mapping);
    return mapping;
  }

  /** The mapping, or null (and it is removed) when it has timed out. */
  private @Nullable Mapping alive(Mapping mapping, long now) {
    if (mapping.permissions.isAlive(now)) {
      return mapping;
    }
    byExternal.remove(mapping.external, mapping);
    Endpoint endpoint = byInternal.get(mapping.internal);
    if (endpoint != null) {
      if (endpoint.only == mapping) {
        endpoint.only = null;
      } else if (mapping.remote != null) {
        endpoint.byRemote.remove(Permissions.key(behavior.mapping(), mapping.remote), mapping);
      }
      if (endpoint.only == null && endpoint.byRemote.isEmpty()) {
        byInternal.remove(mapping.internal);
      }
    }
    return null;
  }
}
