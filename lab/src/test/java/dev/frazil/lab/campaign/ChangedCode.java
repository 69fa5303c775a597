package dev.frazil.lab.campaign;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The whole of Frazil loaded once more, with changes made to it. */
final class ChangedCode extends ClassLoader {
  private static final String OURS = "dev.frazil.";

  /** How one run ended there. */
  record Ending(int packets, List<String> violations) {}

  private final Map<String, byte[]> changed = new HashMap<>();

  /** @throws IllegalStateException when one of the changes finds nothing to change */
  ChangedCode(List<Change> changes) {
    super("changed", ChangedCode.class.getClassLoader());
    for (Change change : changes) {
      byte[] before = changed.computeIfAbsent(change.type(), this::read);
      changed.put(change.type(), change.applyTo(before));
    }
  }

  /** Runs one seed of the campaign. */
  Ending run(long seed) {
    try {
      Object outcome =
          loadClass(Run.class.getName()).getMethod("of", long.class).invoke(null, seed);
      return new Ending(
          (int) outcome.getClass().getMethod("packets").invoke(outcome),
          ((List<?>) outcome.getClass().getMethod("violations").invoke(outcome))
              .stream().map(String.class::cast).toList());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("seed " + seed, e);
    }
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(OURS)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      if (loaded == null) {
        byte[] bytes = changed.containsKey(name) ? changed.get(name) : read(name);
        loaded = defineClass(name, bytes, 0, bytes.length);
      }
      return loaded;
    }
  }

  private byte[] read(String name) {
    try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new IllegalStateException("there is no class " + name);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
