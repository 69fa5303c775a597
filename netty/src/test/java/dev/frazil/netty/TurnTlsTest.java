package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.TurnService.StreamEnd;
import dev.frazil.netty.Wire.StreamWire;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TurnTlsTest {
  private final IceRuntime runtime = IceRuntime.create();
  private final List<AutoCloseable> open = new ArrayList<>();

  @TempDir
  Path folder;

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    runtime.close();
  }

  private TurnService start() throws Exception {
    return Loopback.await(
        TurnService.start(runtime, TurnServices.settings(Kind.TLS).build(), event -> {}));
  }

  private StreamWire wire(TurnService service, String... protocols) throws Exception {
    StreamWire wire = Wire.tls(service.listeners().get(0).address(), protocols);
    open.add(wire);
    return wire;
  }

  private RawTurnClient client(TurnService service, StreamWire wire) {
    return new RawTurnClient(wire, service.listeners().get(0).address(), TurnServices.USER);
  }

  private static X509Certificate shown(StreamWire wire) throws Exception {
    SSLSocket socket = (SSLSocket) wire.socket();
    socket.startHandshake();
    return (X509Certificate) socket.getSession().getPeerCertificates()[0];
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  @Tag("TURN-0010")
  void bothVersionsAreServed(String version) throws Exception {
    TurnService service = start();
    StreamWire wire = wire(service, "stun.turn");
    ((SSLSocket) wire.socket()).setEnabledProtocols(new String[] {version});
    assertThat(client(service, wire).allocate()).isNotNull();
    assertThat(((SSLSocket) wire.socket()).getSession().getProtocol()).isEqualTo(version);
  }

  @Test
  @Tag("STUN-1260")
  void applicationProtocolIsAgreedOnAndOnlyAForeignOneRefused() throws Exception {
    TurnService service = start();
    for (String protocol : List.of("stun.turn", "stun.nat-discovery")) {
      StreamWire wire = wire(service, "foreign", protocol);
      assertThat(client(service, wire).allocate()).isNotNull();
      assertThat(((SSLSocket) wire.socket()).getApplicationProtocol()).isEqualTo(protocol);
    }
    assertThat(client(service, wire(service)).allocate()).isNotNull();

    StreamWire foreign = wire(service, "http/1.1");
    assertThatExceptionOfType(SSLException.class)
        .isThrownBy(() -> ((SSLSocket) foreign.socket()).startHandshake())
        .withMessageContaining("no_application_protocol");
    Wait.until(() ->
        Loopback.await(service.statistics()).endedStreams().get(StreamEnd.HANDSHAKE_FAILED) == 1);
  }

  /** coturn's clients take what they read for one message, and wait for more on the socket when TLS holds some back. */
  @Test
  void messagesThatLeaveTogetherHaveRecordsOfTheirOwn() throws Exception {
    StreamWire wire = wire(start(), "stun.turn");
    byte[] request = StunBuilder.request(
            Method.BINDING, TransactionId.random(new Random(1)), ByteBuffer.allocate(100))
        .finish()
        .array();
    byte[] two = Arrays.copyOf(request, 40);
    System.arraycopy(request, 0, two, 20, 20);
    wire.send(two);
    byte[] answers = new byte[2000];
    int first = wire.socket().getInputStream().read(answers);
    assertThat(first).isEqualTo(20 + ByteBuffer.wrap(answers).getShort(2));
  }

  @Test
  void clientThatSpeaksPlainlyIsClosed() throws Exception {
    TurnService service = start();
    StreamWire plain = Wire.tcp(service.listeners().get(0).address());
    open.add(plain);
    plain.send(new byte[] {0, 1, 0, 0, 0x21, 0x12, (byte) 0xA4, 0x42});
    plain.send(new byte[12]);
    Wait.until(() ->
        Loopback.await(service.statistics()).endedStreams().get(StreamEnd.HANDSHAKE_FAILED) == 1);
    assertThat(Loopback.await(service.statistics()).streams()).isZero();
  }

  @Test
  void newIdentityIsShownFromThenOnAndStreamsStay() throws Exception {
    TurnService service = start();
    StreamWire before = wire(service, "stun.turn");
    RawTurnClient client = client(service, before);
    client.allocate();
    X509Bundle other = TurnServices.certificate("other.example.org");
    service.reload(TurnServices.identity(other));
    assertThat(shown(wire(service, "stun.turn"))).isEqualTo(other.getCertificate());
    assertThat(shown(before)).isEqualTo(TurnServices.CERTIFICATE.getCertificate());
    assertThat(client.release()).isZero();
  }

  @Test
  void secureListenerNeedsAnIdentity() {
    TurnServiceSettings.Builder settings =
        TurnServiceSettings.builder(builder -> {}).listen(Kind.DTLS, "127.0.0.1", 5349);
    assertThatIllegalStateException()
        .isThrownBy(settings::build)
        .withMessage("identity: dtls 127.0.0.1:5349 needs one");
  }

  private Path file(String name, String text) throws Exception {
    return Files.writeString(folder.resolve(name), text);
  }

  @Test
  void identityIsReadFromPemFilesTogetherOrApart() throws Exception {
    X509Bundle bundle = TurnServices.CERTIFICATE;
    String chain = bundle.getCertificatePathPEM();
    String key = bundle.getPrivateKeyPEM();
    TlsIdentity expected = TurnServices.identity(bundle);
    assertThat(TlsIdentity.fromPem(file("chain.pem", chain), file("key.pem", key)))
        .isEqualTo(expected);
    Path both = file("both.pem", "Bag Attributes\n" + key + "-- of it --\n" + chain);
    assertThat(TlsIdentity.fromPem(both, both)).isEqualTo(expected);
    assertThat(expected.expiry())
        .isEqualTo(bundle.getCertificate().getNotAfter().toInstant());
    assertThat(expected.toString()).doesNotContain("Private");
  }

  @Test
  void keyOfRsaIsReadToo() throws Exception {
    X509Bundle rsa = new CertificateBuilder()
        .subject("CN=rsa")
        .rsa2048()
        .setIsCertificateAuthority(true)
        .buildSelfSigned();
    Path both = file("rsa.pem", rsa.getPrivateKeyPEM() + rsa.getCertificatePEM());
    assertThat(TlsIdentity.fromPem(both, both)).isEqualTo(TurnServices.identity(rsa));
  }

  @Test
  void whatIsWrongWithAFileIsSaid() throws Exception {
    String chain = TurnServices.CERTIFICATE.getCertificatePathPEM();
    String key = TurnServices.CERTIFICATE.getPrivateKeyPEM();
    Path good = file("good.pem", chain + key);
    Path empty = file("empty.pem", "nothing");
    Path old = file("old.pem", key.replace("PRIVATE KEY", "EC PRIVATE KEY"));
    Path broken = file("broken.pem", chain.replace("MII", "AAA"));
    assertThatIOException()
        .isThrownBy(() -> TlsIdentity.fromPem(empty, good))
        .withMessage(empty + ": has no certificate (BEGIN CERTIFICATE)");
    assertThatIOException()
        .isThrownBy(() -> TlsIdentity.fromPem(broken, good))
        .withMessageStartingWith(broken + ": has a certificate that can't be read");
    assertThatIOException()
        .isThrownBy(() -> TlsIdentity.fromPem(good, empty))
        .withMessage(empty + ": has no private key (BEGIN PRIVATE KEY)");
    assertThatIOException()
        .isThrownBy(() -> TlsIdentity.fromPem(good, old))
        .withMessageStartingWith(old + ": has a key in the form 'EC PRIVATE KEY'");
    assertThatIOException()
        .isThrownBy(() -> TlsIdentity.fromPem(good, folder.resolve("missing.pem")))
        .withMessageContaining("missing.pem");
  }

  @Test
  void keyOfAnotherCertificateIsRefused() {
    PrivateKey key = TurnServices.certificate("other.example.org").getKeyPair().getPrivate();
    List<X509Certificate> chain = List.of(TurnServices.CERTIFICATE.getCertificatePath());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TlsIdentity(chain, key))
        .withMessageContaining("the key is not that of the certificate");
  }
}
