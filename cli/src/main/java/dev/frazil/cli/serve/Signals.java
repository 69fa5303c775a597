package dev.frazil.cli.serve;

import java.lang.System.Logger.Level;
import java.lang.reflect.Proxy;

/**
 * Signals of the system. The JDK has {@code sun.misc.Signal} for that, in a module that stays, but warns about each use;
 * so it is reached by reflection, and where it is not there, signals do what they do by default.
 */
final class Signals {
  private static final System.Logger LOGGER = System.getLogger(Signals.class.getName());

  private Signals() {}

  /**
   * Does something each time that a signal comes, instead of what the JVM does.
   *
   * @param name without SIG, as in TERM
   * @param action runs on a thread of its own
   */
  static void handle(String name, Runnable action) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object forwarding = Proxy.newProxyInstance(
          Signals.class.getClassLoader(), new Class<?>[] {handler}, (proxy, method, arguments) -> {
            if (method.getName().equals("handle")) {
              action.run();
            }
            return null;
          });
      signal
          .getMethod("handle", signal, handler)
          .invoke(null, signal.getConstructor(String.class).newInstance(name), forwarding);
    } catch (ReflectiveOperationException e) {
      LOGGER.log(Level.DEBUG, () -> "SIG" + name + " is not handled: " + e);
    }
  }
}
