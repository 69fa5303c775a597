package dev.frazil.cli;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnClient;
import dev.frazil.netty.TurnClientBuilder;
import dev.frazil.stun.StunUri;
import dev.frazil.turn.TurnConfiguration.Families;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Uses one TURN server over one transport: allocates, has a peer permitted, sends data through the relay and back. The
 * peer is a socket of this host, which sends first and so opens what NATs are in the way; where the server denies it, or
 * nothing comes through, a second allocation on the same server is the peer.
 */
final class TurnCheck {
  /** What all checks of a run share. */
  record Settings(
      IceRuntime runtime,
      @Nullable String user,
      @Nullable String password,
      @Nullable Path trust,
      Duration timeout) {}

  /**
   * What became of it. What was not reached is null.
   *
   * @param server as it was given
   * @param transport {@code udp}, {@code tcp}, {@code tls} or {@code dtls}
   * @param address where it was asked
   * @param mapped where the server sees this host
   * @param relayed the relayed addresses
   * @param lookUpMillis how long the look-up of its name took
   * @param connectMillis the connection, with handshakes
   * @param allocateMillis the allocation
   * @param permissionMillis the permission for the peer
   * @param relayMillis data there and back
   * @param peer {@code this host} or {@code a second allocation}
   * @param certificate the server's, believed or not
   * @param problem what went wrong, in plain words; null when all is well
   */
  record Row(
      String server,
      @Nullable String transport,
      @Nullable TransportAddress address,
      @Nullable TransportAddress mapped,
      List<TransportAddress> relayed,
      @Nullable Double lookUpMillis,
      @Nullable Double connectMillis,
      @Nullable Double allocateMillis,
      @Nullable Double permissionMillis,
      @Nullable Double relayMillis,
      @Nullable String peer,
      @Nullable Certificate certificate,
      @Nullable String problem)
      implements CheckRow {
    @Override
    public boolean isGood() {
      return problem == null;
    }
  }

  /**
   * Of a server of TLS or DTLS.
   *
   * @param names the DNS names and addresses that it is for
   * @param expires RFC 3339, in UTC
   * @param sha256 as {@code pinnedCertificate} takes it
   * @param believed whether it was believed, as that of the server's name
   */
  record Certificate(
      String subject,
      String issuer,
      List<String> names,
      String expires,
      String sha256,
      boolean believed) {}

  private record Heard(TransportAddress peer, String text) {}

  static final String[] HEADING = {
    "server", "over", "asked at", "connect", "allocate", "permit", "there and back", "result"
  };

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int MOST_SENDS = 5;

  private final String server;
  private final StunUri uri;
  private final String transport;
  private final Settings settings;
  private final BlockingQueue<Heard> heard = new LinkedBlockingQueue<>();
  private TurnClient.@Nullable Allocation allocation;
  private @Nullable X509Certificate certificate;
  private @Nullable Double permissionMillis;
  private @Nullable Double relayMillis;
  private @Nullable String peer;

  private TurnCheck(String server, StunUri uri, Settings settings) {
    this.server = server;
    this.uri = uri;
    this.settings = settings;
    boolean udp = "udp".equals(uri.transport());
    transport = uri.scheme().isSecure() ? udp ? "dtls" : "tls" : udp ? "udp" : "tcp";
  }

  /** One check for the transport that a URI names, or one for each of both. */
  static List<Row> run(String server, StunUri uri, Settings settings) {
    if (uri.transport() != null) {
      return List.of(new TurnCheck(server, uri, settings).run());
    }
    List<String> both = uri.scheme().isSecure() ? List.of("tcp", "udp") : List.of("udp", "tcp");
    return both.stream()
        .map(each -> new StunUri(uri.scheme(), uri.host(), uri.port(), each))
        .map(each -> new TurnCheck(server, each, settings).run())
        .toList();
  }

  private Row run() {
    String problem = null;
    List<TurnClient> clients = new ArrayList<>();
    try {
      TurnClient client = open(heard);
      clients.add(client);
      TurnClient.Allocation given = await(client.allocated(), "no answer to the allocation");
      allocation = given;
      certificate = given.certificate();
      problem = relay(client, given, clients);
    } catch (IOException | IllegalArgumentException e) {
      problem = String.valueOf(e.getMessage());
      certificate = e instanceof TurnClient.Refused refused && certificate == null
          ? refused.certificate()
          : certificate;
    } finally {
      clients.forEach(TurnClient::close);
      clients.forEach(
          client -> client.closed().completeOnTimeout(null, 2, TimeUnit.SECONDS).join());
    }
    return row(problem);
  }

  private TurnClient open(BlockingQueue<Heard> to) throws IOException {
    TurnClientBuilder builder = TurnClient.builder(settings.runtime(), uri)
        .timeouts(settings.timeout(), settings.timeout())
        .onData((from, payload) -> {
          byte[] bytes = new byte[payload.remaining()];
          payload.get(bytes);
          to.add(new Heard(from, new String(bytes, StandardCharsets.US_ASCII)));
        });
    if (uri.host().indexOf(':') >= 0) {
      builder.configure(each -> each.families(Families.IPV6));
    }
    if (settings.user() != null && settings.password() != null) {
      builder.credential(settings.user(), settings.password());
    }
    return settings.trust() == null
        ? builder.open()
        : builder.trustedAuthorities(settings.trust()).open();
  }

  private <T> T await(CompletableFuture<T> future, String otherwise) throws IOException {
    // steps may have limits of their own, which tell more
    long millis = 2 * settings.timeout().toMillis() + 500;
    try {
      return future.get(millis, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    } catch (TimeoutException e) {
      throw new IOException(otherwise + " in " + millis / 1000.0 + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted");
    }
  }

  /** Null when data went through the relay and back, else why it did not. */
  private @Nullable String relay(
      TurnClient client, TurnClient.Allocation given, List<TurnClient> clients) {
    String withThisHost;
    try {
      peer = "this host";
      relayToThisHost(client, given);
      return null;
    } catch (IOException e) {
      withThisHost = String.valueOf(e.getMessage());
    }
    try {
      peer = "a second allocation";
      relayToSecond(client, given, clients);
      return null;
    } catch (IOException e) {
      peer = null;
      return "it relays nothing: with this host as the peer: " + withThisHost
          + "; with a second allocation: " + e.getMessage();
    }
  }

  private void relayToThisHost(TurnClient client, TurnClient.Allocation given) throws IOException {
    IpAddress here = given.path().local().ip();
    TransportAddress relayed = sameFamily(given, here);
    permit(client, given.mapped());
    try (DatagramSocket socket =
        new DatagramSocket(new InetSocketAddress(InetAddress.getByAddress(here.toBytes()), 0))) {
      byte[] ping = token();
      InetSocketAddress to =
          new InetSocketAddress(InetAddress.getByAddress(relayed.ip().toBytes()), relayed.port());
      long sentAt = 0;
      Heard came = null;
      for (int i = 0; i < MOST_SENDS && came == null; i++) {
        sentAt = System.nanoTime();
        socket.send(new DatagramPacket(ping, ping.length, to));
        came = hear(heard, ping);
      }
      if (came == null) {
        throw new IOException("nothing of what it sent came out of the relay");
      }
      client.send(came.peer(), ByteBuffer.wrap(ping));
      socket.setSoTimeout(stepMillis());
      DatagramPacket back = new DatagramPacket(new byte[100], 100);
      socket.receive(back);
      relayMillis = (System.nanoTime() - sentAt) / 1e6;
    } catch (SocketTimeoutException e) {
      throw new IOException("nothing of what was sent to it came back", e);
    }
  }

  private void relayToSecond(
      TurnClient client, TurnClient.Allocation given, List<TurnClient> clients) throws IOException {
    BlockingQueue<Heard> there = new LinkedBlockingQueue<>();
    TurnClient second = open(there);
    clients.add(second);
    TurnClient.Allocation other = await(second.allocated(), "no answer to the allocation");
    TransportAddress mine = given.relayed().get(0);
    TransportAddress its = sameFamily(other, mine.ip());
    await(second.permit(List.of(mine)), "no answer to the permission");
    permit(client, its);
    byte[] ping = token();
    for (int i = 0; i < MOST_SENDS; i++) {
      long sentAt = System.nanoTime();
      client.send(its, ByteBuffer.wrap(ping));
      if (hear(there, ping) != null) {
        second.send(mine, ByteBuffer.wrap(ping));
        if (hear(heard, ping) != null) {
          relayMillis = (System.nanoTime() - sentAt) / 1e6;
          return;
        }
      }
    }
    throw new IOException("nothing came through");
  }

  private void permit(TurnClient client, TransportAddress with) throws IOException {
    long askedAt = System.nanoTime();
    await(client.permit(List.of(with)), "no answer to the permission");
    permissionMillis = (System.nanoTime() - askedAt) / 1e6;
  }

  private int stepMillis() {
    return (int) Math.max(1, settings.timeout().toMillis() / MOST_SENDS);
  }

  private @Nullable Heard hear(BlockingQueue<Heard> from, byte[] token) throws IOException {
    String text = new String(token, StandardCharsets.US_ASCII);
    try {
      Heard next = from.poll(stepMillis(), TimeUnit.MILLISECONDS);
      while (next != null && !next.text().equals(text)) {
        next = from.poll(stepMillis(), TimeUnit.MILLISECONDS);
      }
      return next;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static byte[] token() {
    byte[] bytes = new byte[16];
    RANDOM.nextBytes(bytes);
    return ("frazil check " + HexFormat.of().formatHex(bytes)).getBytes(StandardCharsets.US_ASCII);
  }

  private static TransportAddress sameFamily(TurnClient.Allocation given, IpAddress as)
      throws IOException {
    return given.relayed().stream()
        .filter(each -> each.ip().family() == as.family())
        .findFirst()
        .orElseThrow(() -> new IOException("the relayed address is of another family"));
  }

  private Row row(@Nullable String problem) {
    TurnClient.Allocation given = allocation;
    return new Row(
        server,
        transport,
        given == null ? null : given.path().remote(),
        given == null ? null : given.mapped(),
        given == null ? List.of() : given.relayed(),
        given == null ? null : millis(given.times().lookUp()),
        given == null ? null : millis(given.times().connect()),
        given == null ? null : millis(given.times().allocate()),
        permissionMillis,
        relayMillis,
        peer,
        certificate == null ? null : certificate(certificate, given != null),
        problem);
  }

  private static double millis(Duration time) {
    return time.toNanos() / 1e6;
  }

  private static Certificate certificate(X509Certificate shown, boolean believed) {
    List<String> names = new ArrayList<>();
    String sha256;
    try {
      var all = shown.getSubjectAlternativeNames();
      if (all != null) {
        all.forEach(each -> names.add(String.valueOf(each.get(1))));
      }
      sha256 =
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(shown.getEncoded()));
    } catch (GeneralSecurityException e) {
      sha256 = "?";
    }
    return new Certificate(
        printable(shown.getSubjectX500Principal().getName()),
        printable(shown.getIssuerX500Principal().getName()),
        names.stream().map(TurnCheck::printable).toList(),
        shown.getNotAfter().toInstant().toString(),
        sha256,
        believed);
  }

  /** A stranger's words, without anything that could steer a terminal. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }

  /** A row of the table, under {@link #HEADING}. */
  static String[] cells(Row row) {
    return new String[] {
      Table.plain(row.server()),
      row.transport() == null ? "-" : row.transport(),
      row.address() == null ? "-" : row.address().ip() + " " + row.address().port(),
      time(row.connectMillis()),
      time(row.allocateMillis()),
      time(row.permissionMillis()),
      time(row.relayMillis()),
      result(row)
    };
  }

  private static String time(@Nullable Double millis) {
    return millis == null ? "-" : String.format(Locale.ROOT, "%.1f ms", millis);
  }

  private static String result(Row row) {
    String trust = row.certificate() == null
        ? ""
        : "; certificate of " + row.certificate().subject() + " by "
            + row.certificate().issuer() + ", until "
            + row.certificate().expires().substring(0, 10);
    if (row.problem() != null) {
      return "@|red " + Table.plain(row.problem()) + "|@" + Table.plain(trust);
    }
    String relayed =
        String.join(", ", row.relayed().stream().map(TransportAddress::toString).toList());
    return "@|green relays at " + relayed + "|@, to " + row.peer() + Table.plain(trust);
  }
}
