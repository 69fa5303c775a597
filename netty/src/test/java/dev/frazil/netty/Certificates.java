package dev.frazil.netty;

import dev.frazil.netty.io.CertificateTrust;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import javax.net.ssl.SSLContext;

/** An authority of the test's own, and what it certifies. */
final class Certificates {
  private static final Duration DAY = Duration.ofDays(1);

  final X509Bundle authority;

  Certificates() throws Exception {
    authority = new CertificateBuilder()
        .subject("CN=Test Authority")
        .setIsCertificateAuthority(true)
        .ecp256()
        .buildSelfSigned();
  }

  static CertificateBuilder builder(String host) {
    return new CertificateBuilder()
        .subject("CN=nobody")
        .ecp256()
        .addExtensionOctetString("2.5.29.17", false, dnsName(host));
  }

  /** RFC 5280 4.2.1.6, since the builder refuses wildcards. */
  private static byte[] dnsName(String host) {
    byte[] name = host.getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(name.length + 4)
        .put((byte) 0x30)
        .put((byte) (name.length + 2))
        .put((byte) 0x82)
        .put((byte) name.length)
        .put(name)
        .array();
  }

  X509Bundle issue(CertificateBuilder builder) throws Exception {
    return builder.buildIssuedBy(authority);
  }

  X509Bundle issue(String host) throws Exception {
    return issue(builder(host));
  }

  X509Bundle issueForAddress(String ip) throws Exception {
    return issue(new CertificateBuilder()
        .subject("CN=by address")
        .ecp256()
        .addSanIpAddress(InetAddress.getByName(ip)));
  }

  X509Bundle issueExpired(String host) throws Exception {
    Instant now = Instant.now();
    return issue(builder(host).notBefore(now.minus(DAY.multipliedBy(9))).notAfter(now.minus(DAY)));
  }

  /** Trusts the authority alone. */
  CertificateTrust trust() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    store.setCertificateEntry("authority", authority.getCertificate());
    return CertificateTrust.of(store);
  }

  static SSLContext context(X509Bundle identity) throws Exception {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(identity.toKeyManagerFactory().getKeyManagers(), null, null);
    return context;
  }
}
