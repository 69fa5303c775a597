package dev.frazil.netty.io;

import dev.frazil.net.IpAddress;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import org.jspecify.annotations.Nullable;

/**
 * Whom a certificate is for (RFC 8489 6.2.3, RFC 6125): its DNS names and IP addresses, and only where it has no DNS name
 * its common name.
 */
final class CertificateNames {
  private static final int DNS_NAME = 2; // RFC 5280 4.2.1.6
  private static final int IP_ADDRESS = 7;

  private final List<String> dns = new ArrayList<>();
  private final List<String> addresses = new ArrayList<>();

  CertificateNames(X509Certificate certificate) {
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      for (List<?> name : names == null ? List.<List<?>>of() : names) {
        if (Integer.valueOf(DNS_NAME).equals(name.get(0))) {
          dns.add(String.valueOf(name.get(1)));
        } else if (Integer.valueOf(IP_ADDRESS).equals(name.get(0))) {
          addresses.add(String.valueOf(name.get(1)));
        }
      }
    } catch (CertificateParsingException e) {
      return; // it is for nobody
    }
    String common = dns.isEmpty() ? commonName(certificate) : null;
    if (common != null) {
      dns.add(common);
    }
  }

  private static @Nullable String commonName(X509Certificate certificate) {
    try {
      List<Rdn> parts = new LdapName(certificate.getSubjectX500Principal().getName()).getRdns();
      for (int i = parts.size() - 1; i >= 0; i--) { // the most specific one
        if (parts.get(i).getType().equalsIgnoreCase("CN")) {
          return String.valueOf(parts.get(i).getValue());
        }
      }
    } catch (InvalidNameException e) {
      // it is for nobody
    }
    return null;
  }

  /** Names and addresses, as the certificate has them. */
  List<String> all() {
    List<String> all = new ArrayList<>(dns);
    all.addAll(addresses);
    return all;
  }

  /** Whether the certificate is for a host: a name, or an address as text. */
  boolean holds(String host) {
    if (host.indexOf(':') >= 0 || host.matches("[0-9.]+")) {
      return addresses.stream().anyMatch(each -> isSameAddress(each, host));
    }
    String name = withoutDot(host.toLowerCase(Locale.ROOT));
    return dns.stream().anyMatch(each -> matches(withoutDot(each.toLowerCase(Locale.ROOT)), name));
  }

  private static boolean isSameAddress(String one, String other) {
    try {
      return IpAddress.parse(one).equals(IpAddress.parse(other));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** RFC 6125 6.4.3: a wildcard stands for the whole leftmost label, and for no public suffix such as *.org. */
  private static boolean matches(String pattern, String name) {
    if (!pattern.startsWith("*.")) {
      return pattern.equals(name);
    }
    int dot = name.indexOf('.');
    String rest = pattern.substring(1);
    return dot > 0 && rest.indexOf('.', 1) > 0 && name.substring(dot).equals(rest);
  }

  private static String withoutDot(String name) {
    return name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
  }
}
