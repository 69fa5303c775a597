/**
 * A virtual Internet in virtual time, to test protocols against: hosts, links, NATs by RFC 4787, firewalls and NAT64.
 *
 * <p>Everything happens in the caller's thread, as fast as it can be computed, and everything random comes from one
 * seed: a run that failed is repeated by its seed, and its packets are in a file for Wireshark.
 *
 * <pre>{@code
 * VirtualInternet.verify(seed, captures, net -> {
 *   Network home = net.network("home");
 *   net.nat("nat", home, net.internet(), NatBehavior.PORT_RESTRICTED_CONE, "203.0.113.1");
 *   Host alice = net.host("alice");
 *   alice.attach(home, "192.168.1.10/24").link(Link.ofMillis(5));
 *   Host bob = net.host("bob");
 *   bob.attach(net.internet(), "198.51.100.1").link(Link.ofMillis(20).withLoss(0.3));
 *
 *   TransportAddress bobsAddress = TransportAddress.udp("198.51.100.1", 7000);
 *   List<TransportAddress> callers = new ArrayList<>();
 *   bob.bind(bobsAddress, (path, payload, now) -> callers.add(path.remote()));
 *   VirtualSocket socket = alice.bind(TransportAddress.udp("192.168.1.10", 5000), (path, payload, now) -> {});
 *   for (int i = 0; i < 100; i++) {
 *     socket.send(bobsAddress, ByteBuffer.wrap(new byte[] {1, 2, 3}));
 *     net.runFor(Duration.ofMillis(20));
 *   }
 *   assertThat(callers).hasSizeBetween(40, 90).containsOnly(TransportAddress.udp("203.0.113.1", 5000));
 * });
 * }</pre>
 *
 * <p>A protocol without I/O, a {@link dev.frazil.net.ProtocolMachine}, is put on a host by a
 * {@link dev.frazil.testkit.MachineDriver}:
 *
 * <pre>{@code
 * MachineDriver driver = new MachineDriver(alice);
 * Heartbeat heartbeat = new Heartbeat(driver, path, Duration.ofSeconds(15));
 * driver.run(heartbeat);
 * driver.bind(path.local());
 * driver.call(heartbeat::start);
 * net.runFor(Duration.ofMinutes(10));
 * }</pre>
 *
 * <p>Ready-made ways to connect hosts are in {@link dev.frazil.testkit.topology}. What the structure of a world allows,
 * whatever a protocol makes of it, is answered by {@link dev.frazil.testkit.Route}.
 */
@NullMarked
package dev.frazil.testkit;

import org.jspecify.annotations.NullMarked;
