package dev.frazil.netty.client;

import dev.frazil.netty.io.CertificateTrust;
import dev.frazil.netty.io.DtlsHandshakes;
import dev.frazil.netty.io.StreamTls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Vector;
import java.util.function.Consumer;
import org.bouncycastle.tls.AlertDescription;
import org.bouncycastle.tls.CertificateRequest;
import org.bouncycastle.tls.DefaultTlsClient;
import org.bouncycastle.tls.HashAlgorithm;
import org.bouncycastle.tls.NameType;
import org.bouncycastle.tls.ProtocolName;
import org.bouncycastle.tls.ProtocolVersion;
import org.bouncycastle.tls.ServerName;
import org.bouncycastle.tls.SignatureAlgorithm;
import org.bouncycastle.tls.SignatureAndHashAlgorithm;
import org.bouncycastle.tls.TlsAuthentication;
import org.bouncycastle.tls.TlsCredentials;
import org.bouncycastle.tls.TlsFatalAlert;
import org.bouncycastle.tls.TlsServerCertificate;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.jspecify.annotations.Nullable;

/** The client's side of a DTLS handshake: 1.2, and the certificate judged as that of TLS. */
@SuppressWarnings("JdkObsolete") // BouncyCastle asks for a Vector
final class DtlsClient extends DefaultTlsClient {
  private final CertificateTrust trust;
  private final String host;
  private final int timeoutMillis;
  private final Consumer<X509Certificate> seen;

  DtlsClient(
      CertificateTrust trust, String host, int timeoutMillis, Consumer<X509Certificate> seen) {
    super(DtlsHandshakes.CRYPTO);
    this.trust = trust;
    this.host = host;
    this.timeoutMillis = timeoutMillis;
    this.seen = seen;
  }

  /** RFC 7525 3.1.2, RFC 7350: no DTLS 1.0. */
  @Override
  protected ProtocolVersion[] getSupportedVersions() {
    return ProtocolVersion.DTLSv12.only();
  }

  @Override
  protected int[] getSupportedCipherSuites() {
    return DtlsHandshakes.suites();
  }

  /** Without RSA-PSS, which the JDK's providers know by another name than BouncyCastle asks for. */
  @Override
  protected Vector<?> getSupportedSignatureAlgorithms() {
    Vector<SignatureAndHashAlgorithm> all = new Vector<>();
    for (short signature : new short[] {SignatureAlgorithm.ecdsa, SignatureAlgorithm.rsa}) {
      for (short hash :
          new short[] {HashAlgorithm.sha256, HashAlgorithm.sha384, HashAlgorithm.sha512}) {
        all.add(SignatureAndHashAlgorithm.getInstance(hash, signature));
      }
    }
    return all;
  }

  @Override
  public int getHandshakeTimeoutMillis() {
    return timeoutMillis;
  }

  @Override
  protected Vector<?> getProtocolNames() {
    return new Vector<>(List.of(ProtocolName.asUtf8Encoding(StreamTls.STUN_TURN)));
  }

  /** RFC 6066 3: literal addresses are not allowed. */
  @Override
  protected @Nullable Vector<?> getSNIServerNames() {
    if (host.indexOf(':') >= 0 || host.matches("[0-9.]+")) {
      return null;
    }
    byte[] name = host.getBytes(StandardCharsets.US_ASCII);
    return new Vector<>(List.of(new ServerName(NameType.host_name, name)));
  }

  @Override
  public TlsAuthentication getAuthentication() {
    return new TlsAuthentication() {
      @Override
      public void notifyServerCertificate(TlsServerCertificate shown) throws IOException {
        judge(shown.getCertificate().getCertificateList());
      }

      @Override
      public @Nullable TlsCredentials getClientCredentials(CertificateRequest request) {
        return null;
      }
    };
  }

  private void judge(TlsCertificate[] shown) throws IOException {
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      X509Certificate[] chain = new X509Certificate[shown.length];
      for (int i = 0; i < shown.length; i++) {
        chain[i] = (X509Certificate)
            factory.generateCertificate(new ByteArrayInputStream(shown[i].getEncoded()));
      }
      if (chain.length > 0) {
        seen.accept(chain[0]);
      }
      String algorithm = chain.length == 0 ? "" : chain[0].getPublicKey().getAlgorithm();
      trust.check(chain, algorithm.equals("RSA") ? "ECDHE_RSA" : "ECDHE_ECDSA", host);
    } catch (CertificateException e) {
      throw new TlsFatalAlert(AlertDescription.bad_certificate, e);
    }
  }
}
