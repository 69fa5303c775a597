package dev.frazil.netty.io;

import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

/**
 * What a server shows of itself.
 *
 * @param chain its certificate, then those that lead to an authority
 * @param key of RSA or of an elliptic curve
 */
public record ServerIdentity(List<X509Certificate> chain, PrivateKey key) {
  public ServerIdentity {
    chain = List.copyOf(chain);
    if (chain.isEmpty()) {
      throw new IllegalArgumentException("chain: one certificate at least");
    }
    if (!key.getAlgorithm().equals("RSA") && !key.getAlgorithm().equals("EC")) {
      throw new IllegalArgumentException(
          "key of " + key.getAlgorithm() + ": must be of RSA or EC to be used with DTLS");
    }
  }

  /** Without the key. */
  @Override
  public String toString() {
    return "identity of " + chain.get(0).getSubjectX500Principal().getName();
  }
}
