package dev.frazil.netty.io;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HexFormat;
import java.util.Locale;
import java.util.function.Supplier;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Which servers' certificates a client believes: those that lead to an authority that it trusts, are valid today and hold
 * the host's name (RFC 8489 6.2.3); or the one that is pinned, whatever it says.
 */
public final class CertificateTrust {
  /** A certificate is not believed; the message says why, in plain words. */
  public static final class Refused extends CertificateException {
    private static final long serialVersionUID = 1;

    Refused(String reason) {
      super(reason);
    }
  }

  private static final CertificateTrust SYSTEM =
      new CertificateTrust(() -> authorities(null), null);

  private final Supplier<X509ExtendedTrustManager> authorities;
  private final byte @Nullable [] pinned;

  private CertificateTrust(
      Supplier<X509ExtendedTrustManager> authorities, byte @Nullable [] pinned) {
    this.authorities = authorities;
    this.pinned = pinned;
  }

  /** The authorities that this Java trusts; read when they are first needed. */
  public static CertificateTrust system() {
    return SYSTEM;
  }

  /** The authorities of a key store. */
  public static CertificateTrust of(KeyStore store) {
    X509ExtendedTrustManager manager = authorities(store);
    return new CertificateTrust(() -> manager, null);
  }

  /**
   * The authorities whose certificates are in a file of PEM.
   *
   * @throws IOException when it can't be read
   * @throws IllegalArgumentException when there is no certificate in it
   */
  public static CertificateTrust pem(Path file) throws IOException {
    try (InputStream bytes = new ByteArrayInputStream(Files.readAllBytes(file))) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      int count = 0;
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(bytes)) {
        store.setCertificateEntry("authority " + count++, each);
      }
      if (count == 0) {
        throw new IllegalArgumentException("trust " + file + ": there is no certificate in it");
      }
      return of(store);
    } catch (CertificateException | NoSuchAlgorithmException | KeyStoreException e) {
      throw new IllegalArgumentException("trust " + file + ": " + e.getMessage(), e);
    }
  }

  /**
   * One certificate.
   *
   * @param sha256 the 32 bytes of the SHA-256 over the certificate
   */
  public static CertificateTrust pinned(byte[] sha256) {
    if (sha256.length != 32) {
      throw new IllegalArgumentException(
          "pinned certificate: a SHA-256 has 32 bytes, not " + sha256.length);
    }
    return new CertificateTrust(() -> authorities(null), sha256.clone());
  }

  private static X509ExtendedTrustManager authorities(@Nullable KeyStore store) {
    try {
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(store);
      for (TrustManager manager : factory.getTrustManagers()) {
        if (manager instanceof X509ExtendedTrustManager extended) {
          return extended;
        }
      }
      throw new IllegalArgumentException("trust: this Java has no X.509 trust manager");
    } catch (NoSuchAlgorithmException | KeyStoreException e) {
      throw new IllegalArgumentException("trust: the store can't be used: " + e.getMessage(), e);
    }
  }

  /** Checks what a server of TLS shows, which includes its name where the engine says so. */
  void check(X509Certificate[] chain, String authType, String host, SSLEngine engine)
      throws Refused {
    check(chain, host, () -> authorities.get().checkServerTrusted(chain, authType, engine));
  }

  /** Checks what a server of DTLS shows. */
  public void check(X509Certificate[] chain, String authType, String host) throws Refused {
    check(chain, host, () -> authorities.get().checkServerTrusted(chain, authType));
  }

  private interface PathCheck {
    void run() throws CertificateException;
  }

  private void check(X509Certificate[] chain, String host, PathCheck path) throws Refused {
    if (chain.length == 0) {
      throw new Refused("the server has no certificate");
    }
    X509Certificate own = chain[0];
    if (pinned != null) {
      checkPin(own, pinned);
      return;
    }
    checkDates(own);
    CertificateNames names = new CertificateNames(own);
    if (!names.holds(host)) {
      throw new Refused("the certificate is for "
          + (names.all().isEmpty() ? "nobody" : printable(String.join(", ", names.all())))
          + ", not for " + host);
    }
    try {
      path.run();
    } catch (CertificateException e) {
      throw new Refused(untrusted(own, e));
    }
  }

  private static void checkPin(X509Certificate own, byte[] pinned) throws Refused {
    byte[] shown = sha256(own);
    if (!MessageDigest.isEqual(shown, pinned)) {
      throw new Refused("the certificate is not the pinned one: its SHA-256 is "
          + HexFormat.ofDelimiter(":").formatHex(shown));
    }
  }

  /** The SHA-256 of a certificate. */
  public static byte[] sha256(X509Certificate certificate) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
    } catch (NoSuchAlgorithmException | CertificateEncodingException e) {
      throw new IllegalStateException("a certificate that was read can be written", e);
    }
  }

  private static void checkDates(X509Certificate own) throws Refused {
    Instant now = Instant.now();
    Instant from = own.getNotBefore().toInstant();
    Instant until = own.getNotAfter().toInstant();
    if (now.isAfter(until)) {
      throw new Refused("the certificate expired on " + day(until));
    }
    if (now.isBefore(from)) {
      throw new Refused(
          "the certificate is valid only from " + day(from) + " on; is this host's clock right?");
    }
  }

  private static String day(Instant time) {
    return time.atZone(ZoneOffset.UTC).toLocalDate().toString();
  }

  private static String untrusted(X509Certificate own, CertificateException e) {
    String issuer = printable(own.getIssuerX500Principal().getName());
    if (own.getIssuerX500Principal().equals(own.getSubjectX500Principal())) {
      return "the certificate is self-signed, by " + issuer + ", and not among the trusted ones";
    }
    String message = String.valueOf(e.getMessage());
    return message.toLowerCase(Locale.ROOT).contains("unable to find valid certification path")
        ? "the certificate's issuer is not trusted: " + issuer
        : "the certificate is not trusted: " + printable(message);
  }

  /** The server's words, without anything that could steer a terminal. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
