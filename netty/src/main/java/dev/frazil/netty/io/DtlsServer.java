package dev.frazil.netty.io;

import java.io.IOException;
import java.util.List;
import java.util.Vector;
import org.bouncycastle.tls.Certificate;
import org.bouncycastle.tls.DefaultTlsServer;
import org.bouncycastle.tls.ProtocolName;
import org.bouncycastle.tls.ProtocolVersion;
import org.bouncycastle.tls.SignatureAlgorithm;
import org.bouncycastle.tls.TlsCredentialedSigner;
import org.bouncycastle.tls.TlsUtils;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.bouncycastle.tls.crypto.TlsCryptoParameters;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaDefaultTlsCredentialedSigner;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCertificate;

/** The server's side of a DTLS handshake: 1.2, with a certificate of RSA or of an elliptic curve. */
@SuppressWarnings("JdkObsolete") // BouncyCastle asks for a Vector
final class DtlsServer extends DefaultTlsServer {
  private final ServerIdentity identity;
  private final int timeoutMillis;

  DtlsServer(ServerIdentity identity, int timeoutMillis) {
    super(DtlsHandshakes.CRYPTO);
    this.identity = identity;
    this.timeoutMillis = timeoutMillis;
  }

  @Override
  protected ProtocolVersion[] getSupportedVersions() {
    return ProtocolVersion.DTLSv12.only();
  }

  @Override
  protected int[] getSupportedCipherSuites() {
    return identity.key().getAlgorithm().equals("RSA")
        ? DtlsHandshakes.RSA_SUITES
        : DtlsHandshakes.ECDSA_SUITES;
  }

  @Override
  public int getHandshakeTimeoutMillis() {
    return timeoutMillis;
  }

  /** RFC 7443 3; a client that names none of them is refused, one that names nothing is not. */
  @Override
  protected Vector<?> getProtocolNames() {
    return new Vector<>(List.of(
        ProtocolName.asUtf8Encoding(StreamTls.STUN_TURN),
        ProtocolName.asUtf8Encoding(StreamTls.STUN_NAT_DISCOVERY)));
  }

  @Override
  protected TlsCredentialedSigner getRSASignerCredentials() throws IOException {
    return signer(SignatureAlgorithm.rsa);
  }

  @Override
  protected TlsCredentialedSigner getECDSASignerCredentials() throws IOException {
    return signer(SignatureAlgorithm.ecdsa);
  }

  private TlsCredentialedSigner signer(short algorithm) throws IOException {
    TlsCertificate[] chain = identity.chain().stream()
        .map(each -> new JcaTlsCertificate(DtlsHandshakes.CRYPTO, each))
        .toArray(TlsCertificate[]::new);
    return new JcaDefaultTlsCredentialedSigner(
        new TlsCryptoParameters(context),
        DtlsHandshakes.CRYPTO,
        identity.key(),
        new Certificate(chain),
        TlsUtils.chooseSignatureAndHashAlgorithm(
            context, context.getSecurityParametersHandshake().getClientSigAlgs(), algorithm));
  }
}
