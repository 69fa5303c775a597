package dev.frazil.netty;

import dev.frazil.netty.io.ServerIdentity;
import dev.frazil.netty.io.ServerTls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server shows of itself over TLS and DTLS.
 *
 * @param chain its certificate, then those that lead to an authority
 * @param key that belongs to the certificate, of RSA or of an elliptic curve
 */
public record TlsIdentity(List<X509Certificate> chain, PrivateKey key) {
  private static final System.Logger LOGGER = System.getLogger(TlsIdentity.class.getName());

  private static final Duration SHORT = Duration.ofDays(30);

  private static final Pattern CERTIFICATE =
      Pattern.compile("-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----");

  private static final Pattern KEY =
      Pattern.compile("-----BEGIN ([A-Z ]*PRIVATE KEY)-----([^-]*)-----END ");

  public TlsIdentity {
    chain = List.copyOf(chain);
    ServerIdentity checked = new ServerIdentity(chain, key);
    if (!belongs(key, chain.get(0).getPublicKey())) {
      throw new IllegalArgumentException(checked + ": the key is not that of the certificate");
    }
  }

  /**
   * Reads an identity from PEM files, as authorities hand them out.
   *
   * @param chain the certificate, then those that lead to an authority
   * @param key in PKCS#8 ({@code BEGIN PRIVATE KEY}), not encrypted; it may be the same file
   * @throws IOException when a file can't be read or is not what it has to be, naming it
   */
  public static TlsIdentity fromPem(Path chain, Path key) throws IOException {
    List<X509Certificate> certificates = certificates(chain);
    PrivateKey privateKey = privateKey(key);
    try {
      return new TlsIdentity(certificates, privateKey);
    } catch (IllegalArgumentException e) {
      throw new IOException(chain + ", " + key + ": " + e.getMessage(), e);
    }
  }

  private static List<X509Certificate> certificates(Path file) throws IOException {
    Matcher pem = CERTIFICATE.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
    List<X509Certificate> found = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      while (pem.find()) {
        byte[] block = pem.group().getBytes(StandardCharsets.ISO_8859_1);
        found.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(block)));
      }
    } catch (CertificateException e) {
      throw new IOException(file + ": has a certificate that can't be read: " + e.getMessage(), e);
    }
    if (found.isEmpty()) {
      throw new IOException(file + ": has no certificate (BEGIN CERTIFICATE)");
    }
    return found;
  }

  private static PrivateKey privateKey(Path file) throws IOException {
    Matcher pem = KEY.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
    if (!pem.find()) {
      throw new IOException(file + ": has no private key (BEGIN PRIVATE KEY)");
    } else if (!pem.group(1).equals("PRIVATE KEY")) {
      throw new IOException(file + ": has a key in the form '" + pem.group(1)
          + "'; it has to be in PKCS#8 and not encrypted, as openssl pkey writes it");
    }
    try {
      byte[] encoded = Base64.getMimeDecoder().decode(pem.group(2));
      return privateKey(new PKCS8EncodedKeySpec(encoded));
    } catch (IllegalArgumentException | GeneralSecurityException e) {
      throw new IOException(file + ": has a private key that is neither of RSA nor of a curve", e);
    }
  }

  private static PrivateKey privateKey(PKCS8EncodedKeySpec encoded)
      throws GeneralSecurityException {
    try {
      return KeyFactory.getInstance("RSA").generatePrivate(encoded);
    } catch (GeneralSecurityException e) {
      return KeyFactory.getInstance("EC").generatePrivate(encoded);
    }
  }

  private static boolean belongs(PrivateKey key, PublicKey certified) {
    try {
      byte[] probe = {1, 2, 3};
      Signature signature =
          Signature.getInstance("SHA256with" + (key.getAlgorithm().equals("EC") ? "ECDSA" : "RSA"));
      signature.initSign(key);
      signature.update(probe);
      byte[] signed = signature.sign();
      signature.initVerify(certified);
      signature.update(probe);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** When the first of the certificates expires. */
  public Instant expiry() {
    return chain.stream()
        .map(certificate -> certificate.getNotAfter().toInstant())
        .min(Instant::compareTo)
        .orElseThrow();
  }

  /** For use from now on; warns of what expires soon. */
  ServerTls prepare() {
    Instant expiry = expiry();
    if (expiry.isBefore(Instant.now().plus(SHORT))) {
      LOGGER.log(Level.WARNING, () -> this + ": expires at " + expiry);
    }
    return new ServerTls(new ServerIdentity(chain, key));
  }

  /** Without the key. */
  @Override
  public String toString() {
    return new ServerIdentity(chain, key).toString();
  }
}
