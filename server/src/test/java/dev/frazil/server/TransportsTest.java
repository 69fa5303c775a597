package dev.frazil.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnClient;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.StunMessage;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.SocketFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TransportsTest {
  private static final byte[] BINDING =
      HexFormat.of().parseHex("000100002112A442" + "0102030405060708090A0B0C");
  private static final TransportAddress PEER = TransportAddress.udp("203.0.113.9", 5000);

  @TempDir
  private Path folder;

  private final IceRuntime runtime = IceRuntime.create();
  private final List<FrazilServer> servers = new ArrayList<>();

  @AfterEach
  void close() {
    runtime.close();
    servers.forEach(FrazilServer::close);
  }

  private static X509Bundle certificate() throws Exception {
    return new CertificateBuilder()
        .subject("CN=turn.example.org")
        .setIsCertificateAuthority(true)
        .ecp256()
        .buildSelfSigned();
  }

  private void write(X509Bundle bundle) throws Exception {
    Files.writeString(folder.resolve("cert.pem"), bundle.getCertificatePEM());
    Files.writeString(folder.resolve("key.pem"), bundle.getPrivateKeyPEM());
  }

  private Settings settings(String password) throws Exception {
    return Settings.read(Files.writeString(folder.resolve("frazil.toml"), """
        listen = "127.0.0.1:0"
        tls-port = 0
        cert = "cert.pem"
        key = "key.pem"
        host = "turn.example.org"
        statistics = 0
        [users]
        alice = "%s"
        """.formatted(password)));
  }

  private FrazilServer start() throws Exception {
    FrazilServer server = FrazilServer.start(settings("wonder")
        .set(Setting.CONTROL, List.of(folder.resolve("control.sock").toString()))
        .build());
    servers.add(server);
    return server;
  }

  private static TurnListener listener(FrazilServer server, Kind kind) {
    return server.listeners().stream()
        .filter(each -> each.kind() == kind)
        .findFirst()
        .orElseThrow();
  }

  private TurnClient client(FrazilServer server, Kind kind, X509Bundle pinned) throws Exception {
    String transport = kind.transport().name().toLowerCase(Locale.ROOT);
    String uri = (kind.isSecure() ? "turns" : "turn") + ":127.0.0.1:"
        + listener(server, kind).address().port() + "?transport=" + transport;
    byte[] der = pinned.getCertificate().getEncoded();
    return TurnClient.builder(runtime, uri)
        .credential("alice", "wonder")
        .pinnedCertificate(MessageDigest.getInstance("SHA-256").digest(der))
        .open();
  }

  private static TurnClient.Allocation allocation(TurnClient client) throws Exception {
    return client.allocated().get(30, TimeUnit.SECONDS);
  }

  @Test
  void clientsAllocateOverAllFourTransportsAndAreCountedByThem() throws Exception {
    X509Bundle bundle = certificate();
    write(bundle);
    FrazilServer server = start();
    assertThat(server.listeners()).extracting(TurnListener::kind).containsExactly(Kind.values());
    for (Kind kind : Kind.values()) {
      assertThat(allocation(client(server, kind, bundle)).relayed())
          .as(kind.name())
          .hasSize(1);
    }
    assertThat(new ServerControl(folder.resolve("control.sock")).sessions())
        .extracting(ServerSession::transport)
        .containsExactlyInAnyOrder("udp", "tcp", "tls", "dtls");
  }

  /** DTLS is asked in the tests of the runtime. */
  @Test
  @Tag("STUN-1020")
  void stunServerAnswersOverEveryTransportAndRelaysOverNone() throws Exception {
    X509Bundle bundle = certificate();
    write(bundle);
    FrazilServer server = FrazilServer.start(
        settings("wonder").set(Setting.STUN_ONLY, List.of("true")).build());
    servers.add(server);
    assertThat(server.relays()).isFalse();
    assertThat(server.listeners()).extracting(TurnListener::kind).containsExactly(Kind.values());
    for (Kind kind : List.of(Kind.TCP, Kind.TLS)) {
      int port = listener(server, kind).address().port();
      try (Socket client = kind == Kind.TLS
          ? trusting(bundle).createSocket("127.0.0.1", port)
          : new Socket("127.0.0.1", port)) {
        client.setSoTimeout(30_000);
        client.getOutputStream().write(BINDING);
        byte[] head = client.getInputStream().readNBytes(20);
        StunMessage answer = StunMessage.tryParse(ByteBuffer.wrap(whole(head, client)));
        assertThat(answer.get(AttributeType.XOR_MAPPED_ADDRESS).port())
            .isEqualTo(client.getLocalPort());
      }
    }
  }

  private static SocketFactory trusting(X509Bundle bundle) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    store.setCertificateEntry("server", bundle.getCertificate());
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context.getSocketFactory();
  }

  @Test
  void clientBehindAProxyIsKnownByTheAddressThatTheProxySays() throws Exception {
    write(certificate());
    FrazilServer server = FrazilServer.start(settings("wonder")
        .set(Setting.CONTROL, List.of(folder.resolve("control.sock").toString()))
        .set(Setting.PROXY, List.of("127.0.0.0/8"))
        .build());
    servers.add(server);
    try (Socket proxy =
        new Socket("127.0.0.1", listener(server, Kind.TCP).address().port())) {
      proxy.setSoTimeout(30_000);
      proxy
          .getOutputStream()
          .write("PROXY TCP4 192.0.2.7 203.0.113.1 50001 3478\r\n".getBytes(US_ASCII));
      proxy.getOutputStream().write(BINDING);
      byte[] head = proxy.getInputStream().readNBytes(20);
      StunMessage answer = StunMessage.tryParse(ByteBuffer.wrap(whole(head, proxy)));
      assertThat(answer.get(AttributeType.XOR_MAPPED_ADDRESS))
          .isEqualTo(TransportAddress.udp("192.0.2.7", 50001));
    }
  }

  private static byte[] whole(byte[] head, Socket from) throws IOException {
    byte[] message = Arrays.copyOf(head, 20 + ByteBuffer.wrap(head).getShort(2));
    from.getInputStream().readNBytes(message, 20, message.length - 20);
    return message;
  }

  @Test
  void reloadShowsAnotherCertificateAndKeepsAllocations() throws Exception {
    X509Bundle old = certificate();
    write(old);
    FrazilServer server = start();
    TurnClient before = client(server, Kind.TLS, old);
    TurnClient.Allocation allocation = allocation(before);
    X509Bundle renewed = certificate();
    write(renewed);
    server.reconfigure(settings("wonder").build());
    allocation(client(server, Kind.TLS, renewed));
    allocation(client(server, Kind.DTLS, renewed));
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(() -> allocation(client(server, Kind.TLS, old)));
    before.permit(List.of(PEER)).get(30, TimeUnit.SECONDS);
    assertThat(new ServerControl(folder.resolve("control.sock")).sessions())
        .extracting(ServerSession::relayed)
        .contains(List.of(allocation.relayed().get(0).toString()));
  }

  @Test
  void brokenCertificateIsRefusedAndTheOldOneStays() throws Exception {
    X509Bundle bundle = certificate();
    write(bundle);
    FrazilServer server = start();
    Files.writeString(folder.resolve("key.pem"), certificate().getPrivateKeyPEM());
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(() -> settings("wonder").build())
        .withMessageContaining("frazil.toml:3: cert: ")
        .withMessageContaining("the key is not that of the certificate");
    allocation(client(server, Kind.TLS, bundle));
  }

  @Test
  void credentialsNameEveryTransportThatIsListenedOn() throws Exception {
    write(certificate());
    Settings settings = settings("wonder")
        .set(Setting.LISTEN, List.of("127.0.0.1"))
        .set(Setting.TLS_PORT, List.of("5349"));
    assertThat(settings.build().iceServer("alice", Instant.EPOCH).urls())
        .containsExactly(
            "stun:turn.example.org:3478",
            "turn:turn.example.org:3478?transport=udp",
            "turn:turn.example.org:3478?transport=tcp",
            "turns:turn.example.org:5349?transport=tcp",
            "turns:turn.example.org:5349?transport=udp");
    assertThat(settings
            .set(Setting.TRANSPORT, List.of("tls"))
            .build()
            .iceServer("alice", Instant.EPOCH)
            .urls())
        .containsExactly("turns:turn.example.org:5349?transport=tcp");
  }
}
