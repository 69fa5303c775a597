package dev.frazil.lab.flood;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * Clients that want nothing but to be served: each allocates, sends fifty payloads a second to a peer that returns them,
 * and sees how many come back and when.
 */
final class HonestClients {
  /**
   * What they saw.
   *
   * @param wanted clients
   * @param allocated of them, those that were served within the limit
   * @param sent payloads
   * @param back of these came back
   * @param medianMillis of their round trips
   * @param p99Millis of their round trips
   * @param longestAllocationMillis of the clients that were served
   */
  record Report(
      int wanted,
      int allocated,
      long sent,
      long back,
      double medianMillis,
      double p99Millis,
      double longestAllocationMillis) {}

  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final int PAYLOADS_A_SECOND = 50;
  private static final int LENGTH = 160;

  private final Target target;
  private final int seconds;
  private final List<TurnClient> clients = new ArrayList<>();
  private final long[] roundTrips;
  private int back;

  /** {@code ofEach} clients of each of UDP, TCP, TLS and DTLS. */
  private HonestClients(Target target, int ofEach, int seconds) {
    this.target = target;
    this.seconds = seconds;
    roundTrips = new long[4 * ofEach * PAYLOADS_A_SECOND * seconds];
  }

  static Report run(Target target, byte[] certificate, int ofEach, int seconds)
      throws IOException, InterruptedException {
    HonestClients all = new HonestClients(target, ofEach, seconds);
    try (IceRuntime runtime = IceRuntime.builder().eventLoops(1).build();
        DatagramChannel peer = DatagramChannel.open()) {
      peer.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      Thread echo = new Thread(() -> echo(peer), "peer");
      echo.setDaemon(true);
      echo.start();
      return all.serve(runtime, certificate, ofEach, (InetSocketAddress) peer.getLocalAddress());
    }
  }

  private static void echo(DatagramChannel peer) {
    ByteBuffer payload = ByteBuffer.allocateDirect(2000);
    try {
      while (peer.isOpen()) {
        SocketAddress from = peer.receive(payload.clear());
        peer.send(payload.flip(), from);
      }
    } catch (IOException e) {
      // it was closed: all is over
    }
  }

  private Report serve(IceRuntime runtime, byte[] certificate, int ofEach, InetSocketAddress echo)
      throws InterruptedException {
    TransportAddress peer = TransportAddress.udp("127.0.0.1", echo.getPort());
    long began = System.nanoTime();
    for (int i = 0; i < ofEach; i++) {
      clients.add(open(runtime, "turn", target.plain(), "udp", certificate));
      clients.add(open(runtime, "turn", target.plain(), "tcp", certificate));
      clients.add(open(runtime, "turns", target.secure(), "tcp", certificate));
      clients.add(open(runtime, "turns", target.secure(), "udp", certificate));
    }
    List<TurnClient> served = new ArrayList<>();
    double longest = 0;
    for (TurnClient client : clients) {
      if (isServed(client, peer, began)) {
        longest = (System.nanoTime() - began) / 1e6;
        served.add(client);
      }
    }
    long sent = send(served, peer);
    clients.forEach(TurnClient::close);
    return report(served.size(), sent, longest);
  }

  private TurnClient open(
      IceRuntime runtime,
      String scheme,
      InetSocketAddress server,
      String transport,
      byte[] certificate) {
    String uri = scheme + ":127.0.0.1:" + server.getPort() + "?transport=" + transport;
    return TurnClient.builder(runtime, uri)
        .credential(target.user(), target.password())
        .pinnedCertificate(certificate)
        .timeouts(LIMIT, LIMIT)
        .onData((from, payload) -> {
          long sentAt = payload.getLong(payload.position());
          cameBack(System.nanoTime() - sentAt);
        })
        .open();
  }

  private synchronized void cameBack(long roundTrip) {
    if (back < roundTrips.length) {
      roundTrips[back++] = roundTrip;
    }
  }

  private static boolean isServed(TurnClient client, TransportAddress peer, long began)
      throws InterruptedException {
    long left = began + LIMIT.toNanos() - System.nanoTime();
    try {
      client.allocated().get(Math.max(1, left), TimeUnit.NANOSECONDS);
      client.permit(List.of(peer)).get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      client.bind(peer);
      return true;
    } catch (ExecutionException | TimeoutException e) {
      System.err.println("not served: " + e.getCause());
      return false;
    }
  }

  private long send(List<TurnClient> served, TransportAddress peer) {
    ByteBuffer payload = ByteBuffer.allocate(LENGTH);
    long sent = 0;
    long start = System.nanoTime();
    for (int i = 0; i < seconds * PAYLOADS_A_SECOND; i++) {
      long due = start + i * TimeUnit.SECONDS.toNanos(1) / PAYLOADS_A_SECOND;
      for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
        LockSupport.parkNanos(wait);
      }
      for (TurnClient client : served) {
        sent += client.send(peer, payload.clear().putLong(0, System.nanoTime())) ? 1 : 0;
      }
    }
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1)); // for those on their way
    return sent;
  }

  private synchronized Report report(int allocated, long sent, double longest) {
    long[] sorted = Arrays.copyOf(roundTrips, back);
    Arrays.sort(sorted);
    return new Report(
        clients.size(),
        allocated,
        sent,
        back,
        back == 0 ? Double.NaN : sorted[back / 2] / 1e6,
        back == 0 ? Double.NaN : sorted[back * 99 / 100] / 1e6,
        longest);
  }
}
