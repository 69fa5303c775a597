package dev.frazil.netty;

import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.Vector;
import org.bouncycastle.tls.Certificate;
import org.bouncycastle.tls.CertificateRequest;
import org.bouncycastle.tls.CipherSuite;
import org.bouncycastle.tls.DTLSClientProtocol;
import org.bouncycastle.tls.DTLSServerProtocol;
import org.bouncycastle.tls.DTLSTransport;
import org.bouncycastle.tls.DefaultTlsClient;
import org.bouncycastle.tls.DefaultTlsServer;
import org.bouncycastle.tls.ProtocolName;
import org.bouncycastle.tls.ProtocolVersion;
import org.bouncycastle.tls.SignatureAlgorithm;
import org.bouncycastle.tls.TlsAuthentication;
import org.bouncycastle.tls.TlsCredentialedSigner;
import org.bouncycastle.tls.TlsCredentials;
import org.bouncycastle.tls.TlsServerCertificate;
import org.bouncycastle.tls.TlsUtils;
import org.bouncycastle.tls.UDPTransport;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.bouncycastle.tls.crypto.TlsCryptoParameters;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaDefaultTlsCredentialedSigner;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCertificate;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCrypto;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCryptoProvider;

/** BouncyCastle's blocking DTLS over a socket, without any code of ours. */
final class RawDtls {
  private static final JcaTlsCrypto CRYPTO = new JcaTlsCryptoProvider().create(new SecureRandom());
  private static final int MTU = 1400;

  private RawDtls() {}

  /** Connects a socket that is connected already; believes every certificate. */
  static DTLSTransport connect(DatagramSocket socket, ProtocolVersion version, String protocol)
      throws IOException {
    return new DTLSClientProtocol()
        .connect(new Client(version, protocol), new UDPTransport(socket, MTU));
  }

  /** Keeps what it sends, and hears nothing. */
  static byte[] firstFlight() throws IOException {
    try (DatagramSocket here = Loopback.socket("127.0.0.1");
        DatagramSocket there = Loopback.socket("127.0.0.1")) {
      here.connect(there.getLocalSocketAddress());
      Thread client = new Thread(() -> {
        try {
          connect(here, ProtocolVersion.DTLSv12, "stun.turn");
        } catch (IOException e) {
          // nobody answers
        }
      });
      client.setDaemon(true);
      client.start();
      DatagramPacket hello = Loopback.receive(there);
      return Arrays.copyOf(hello.getData(), hello.getLength());
    }
  }

  /** Puts the cookie of a HelloVerifyRequest into a hello that has none, as its second (RFC 6347 4.2.1). */
  static byte[] withCookie(byte[] hello, byte[] verifyRequest) {
    int cookieLength = verifyRequest[27] & 0xFF;
    int sessionLength = hello[59] & 0xFF;
    int at = 60 + sessionLength; // the length of the cookie
    byte[] out = new byte[hello.length + cookieLength];
    System.arraycopy(hello, 0, out, 0, at);
    out[at] = (byte) cookieLength;
    System.arraycopy(verifyRequest, 28, out, at + 1, cookieLength);
    System.arraycopy(hello, at + 1, out, at + 1 + cookieLength, hello.length - at - 1);
    out[10]++; // sequence numbers of record and message
    out[18]++;
    grow(out, 11, 2, cookieLength);
    grow(out, 14, 3, cookieLength);
    grow(out, 22, 3, cookieLength);
    return out;
  }

  private static void grow(byte[] bytes, int at, int width, int by) {
    int value = by;
    for (int i = 0; i < width; i++) {
      value += (bytes[at + i] & 0xFF) << 8 * (width - 1 - i);
    }
    for (int i = width - 1; i >= 0; i--) {
      bytes[at + i] = (byte) value;
      value >>= 8;
    }
  }

  /** Waits for one client and shakes its hand. */
  static DTLSTransport accept(DatagramSocket socket, Server server) throws IOException {
    DatagramPacket first = Loopback.receive(socket);
    socket.connect((InetSocketAddress) first.getSocketAddress());
    DTLSServerProtocol protocol = new DTLSServerProtocol();
    return protocol.accept(server, new UDPTransport(socket, MTU));
  }

  private static final class Client extends DefaultTlsClient {
    private final ProtocolVersion version;
    private final String protocol;

    Client(ProtocolVersion version, String protocol) {
      super(CRYPTO);
      this.version = version;
      this.protocol = protocol;
    }

    @Override
    protected ProtocolVersion[] getSupportedVersions() {
      return version.only();
    }

    @Override
    protected Vector<?> getProtocolNames() {
      return new Vector<>(List.of(ProtocolName.asUtf8Encoding(protocol)));
    }

    @Override
    public TlsAuthentication getAuthentication() {
      return new TlsAuthentication() {
        @Override
        public void notifyServerCertificate(TlsServerCertificate shown) {}

        @Override
        public TlsCredentials getClientCredentials(CertificateRequest request) {
          return null;
        }
      };
    }
  }

  /** A server with a certificate of an elliptic curve. */
  static final class Server extends DefaultTlsServer {
    private final X509Bundle identity;
    private final ProtocolVersion version;
    volatile String protocol;

    Server(X509Bundle identity, ProtocolVersion version) {
      super(CRYPTO);
      this.identity = identity;
      this.version = version;
    }

    @Override
    protected ProtocolVersion[] getSupportedVersions() {
      return version.only();
    }

    @Override
    protected int[] getSupportedCipherSuites() {
      return new int[] {
        CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
      };
    }

    @Override
    protected Vector<?> getProtocolNames() {
      return new Vector<>(List.of(ProtocolName.asUtf8Encoding("stun.turn")));
    }

    @Override
    public void notifyHandshakeComplete() throws IOException {
      super.notifyHandshakeComplete();
      ProtocolName name = context.getSecurityParametersConnection().getApplicationProtocol();
      protocol = name == null ? "none" : name.getUtf8Decoding();
    }

    @Override
    protected TlsCredentialedSigner getECDSASignerCredentials() throws IOException {
      return new JcaDefaultTlsCredentialedSigner(
          new TlsCryptoParameters(context),
          CRYPTO,
          identity.getKeyPair().getPrivate(),
          new Certificate(
              new TlsCertificate[] {new JcaTlsCertificate(CRYPTO, identity.getCertificate())}),
          TlsUtils.chooseSignatureAndHashAlgorithm(
              context,
              context.getSecurityParametersHandshake().getClientSigAlgs(),
              SignatureAlgorithm.ecdsa));
    }
  }
}
