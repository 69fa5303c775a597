package dev.frazil.netty.io;

import java.security.SecureRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.bouncycastle.tls.CipherSuite;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCrypto;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCryptoProvider;

/**
 * Where DTLS handshakes run, which block: on virtual threads where the JVM has them, else on a few daemon threads that
 * end when they idle. No more than a bounded number at a time.
 */
public final class DtlsHandshakes {
  private static final int MOST_ON_VIRTUAL_THREADS = 1024;
  private static final int MOST_ON_THREADS = 64;
  private static final long IDLE_SECONDS = 10;

  /** By the JDK's own ciphers: those of BouncyCastle don't use the processor's instructions. */
  public static final JcaTlsCrypto CRYPTO = new JcaTlsCryptoProvider().create(new SecureRandom());

  /** RFC 7525 4.2: AEAD and forward secrecy. All of them add 24 bytes to a record. */
  static final int[] ECDSA_SUITES = {
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
  };

  static final int[] RSA_SUITES = {
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
  };

  private static final ExecutorService THREADS = threads();
  private static final AtomicInteger RUNNING = new AtomicInteger();

  private DtlsHandshakes() {}

  private static ExecutorService threads() {
    try {
      // since Java 21
      return (ExecutorService)
          Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (ReflectiveOperationException e) {
      return new ThreadPoolExecutor(
          0, MOST_ON_THREADS, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
            Thread thread = new Thread(task, "frazil-dtls");
            thread.setDaemon(true);
            return thread;
          });
    }
  }

  /** What a client offers: it does not know the server's key. */
  public static int[] suites() {
    return IntStream.concat(IntStream.of(ECDSA_SUITES), IntStream.of(RSA_SUITES))
        .toArray();
  }

  /** Runs a handshake; false when there are too many already. */
  static boolean execute(Runnable handshake) {
    if (RUNNING.incrementAndGet() > MOST_ON_VIRTUAL_THREADS) {
      RUNNING.decrementAndGet();
      return false;
    }
    try {
      THREADS.execute(() -> {
        try {
          handshake.run();
        } finally {
          RUNNING.decrementAndGet();
        }
      });
      return true;
    } catch (RejectedExecutionException e) {
      RUNNING.decrementAndGet();
      return false;
    }
  }
}
