package dev.frazil.lab.flood;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Floods {@code frazil serve}, over loopback, in each way that {@link Flood} names, while honest clients of all four
 * transports go on; and prints what those noticed. Exit code 1 when one of them was not served.
 *
 * <p>{@code lab/run flood.Floods [SECONDS [FLOOD…]]}
 */
public final class Floods {
  private static final int OF_EACH_TRANSPORT = 5;
  private static final String USER = "honest";
  private static final String PASSWORD = "opensesame";

  /** Payloads that may get lost: UDP makes no promise on a machine that is kept busy. */
  private static final double MOST_LOST = 0.02;

  private Floods() {}

  public static void main(String[] arguments)
      throws IOException, InterruptedException, GeneralSecurityException {
    int seconds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    List<Flood> wanted = new ArrayList<>();
    for (int i = 1; i < arguments.length; i++) {
      wanted.add(Flood.valueOf(arguments[i].toUpperCase(Locale.ROOT).replace('-', '_')));
    }
    System.out.printf(
        "%-48s %10s %8s %9s %7s %7s %11s %9s%n",
        "flood", "flooded", "served", "back %", "median", "p99", "allocation", "server");
    System.out.printf(
        "%-48s %10s %8s %9s %7s %7s %11s %9s%n", "", "", "", "", "ms", "ms", "longest ms", "MiB");
    boolean good = true;
    for (Flood flood : wanted.isEmpty() ? List.of(Flood.values()) : wanted) {
      good &= run(flood, seconds);
    }
    System.exit(good ? 0 : 1);
  }

  private static boolean run(Flood flood, int seconds)
      throws IOException, InterruptedException, GeneralSecurityException {
    Path folder = Files.createTempDirectory("frazil-flood");
    Path certificate = folder.resolve("certificate.pem");
    Path key = folder.resolve("key.pem");
    makeCertificate(certificate, key);
    Target target = new Target(free(), free(), USER, PASSWORD);
    Process server = serve(target, certificate, key);
    try {
      AtomicBoolean goesOn = new AtomicBoolean(true);
      AtomicLong count = new AtomicLong();
      Thread flooder = new Thread(
          () -> {
            try {
              count.set(flood.run(target, goesOn::get));
            } catch (IOException e) {
              System.err.println(flood + ": " + e);
            }
          },
          "flooder");
      flooder.start();
      HonestClients.Report report =
          HonestClients.run(target, fingerprint(certificate), OF_EACH_TRANSPORT, seconds);
      goesOn.set(false);
      flooder.join();
      return tell(flood, count.get(), report, residentMiB(server));
    } finally {
      server.destroy();
      if (!server.waitFor(10, TimeUnit.SECONDS)) {
        server.destroyForcibly();
      }
    }
  }

  private static boolean tell(Flood flood, long count, HonestClients.Report report, long memory) {
    double back = report.sent() == 0 ? 0 : (double) report.back() / report.sent();
    boolean good = report.allocated() == report.wanted() && back >= 1 - MOST_LOST;
    System.out.printf(
        Locale.ROOT,
        "%-48s %10d %5d/%-2d %9.2f %7.1f %7.1f %11.0f %9d%s%n",
        flood.words,
        count,
        report.allocated(),
        report.wanted(),
        100 * back,
        report.medianMillis(),
        report.p99Millis(),
        report.longestAllocationMillis(),
        memory,
        good ? "" : "  NOT SERVED");
    return good;
  }

  private static Process serve(Target target, Path certificate, Path key) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.frazil.cli.Main"));
    command.addAll(List.of("serve", "--listen", "127.0.0.1:" + target.plain().getPort()));
    command.addAll(List.of("--tls-port", Integer.toString(target.secure().getPort())));
    command.addAll(List.of("--cert", certificate.toString(), "--key", key.toString()));
    command.addAll(List.of("--user", USER + ":" + PASSWORD, "--allow-loopback-peers"));
    Process server = new ProcessBuilder(command)
        .redirectOutput(Redirect.PIPE)
        .redirectError(Redirect.DISCARD)
        .start();
    BufferedReader out = server.inputReader();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith("relaying")) {
        return server;
      }
    }
    throw new IOException("the server did not start: " + String.join(" ", command));
  }

  private static void makeCertificate(Path certificate, Path key)
      throws IOException, InterruptedException {
    Process openssl = new ProcessBuilder(List.of(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "90",
            "-subj",
            "/CN=flooded",
            "-keyout",
            key.toString(),
            "-out",
            certificate.toString()))
        .redirectError(Redirect.DISCARD)
        .start();
    if (openssl.waitFor() != 0) {
      throw new IOException("openssl made no certificate");
    }
  }

  private static byte[] fingerprint(Path certificate) throws IOException, GeneralSecurityException {
    X509Certificate read;
    try (var in = Files.newInputStream(certificate)) {
      read = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
    return MessageDigest.getInstance("SHA-256").digest(read.getEncoded());
  }

  private static InetSocketAddress free() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return new InetSocketAddress(InetAddress.getLoopbackAddress(), socket.getLocalPort());
    }
  }

  /** As Linux tells; 0 elsewhere. */
  private static long residentMiB(Process process) throws IOException {
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    if (!Files.exists(status)) {
      return 0;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElse(0);
  }
}
