package dev.frazil.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Values of settings as text, each with the place it comes from, until a configuration is made of them. */
public final class Settings {
  /** A value and where it stands. */
  record Value(String text, String origin) {}

  private final Map<Setting, List<Value>> values = new EnumMap<>(Setting.class);
  private final List<String> notes = new ArrayList<>();

  /** No setting at all. */
  public Settings() {}

  /**
   * Reads a TOML file.
   *
   * @throws IOException when it can't be read
   * @throws ConfigurationException when it is not TOML, or something in it is no setting; with file and line
   */
  public static Settings read(Path file) throws IOException, ConfigurationException {
    Settings settings = new Settings();
    new ConfigurationFile(file).readInto(settings);
    return settings;
  }

  /**
   * Reads a file of coturn's, a {@code turnserver.conf}. What has no effect, or another one, is among {@link #notes}.
   *
   * @throws IOException when it can't be read
   * @throws ConfigurationException when a value is wrong, or nobody should be served as it says; with file and line
   */
  public static Settings readCoturn(Path file) throws IOException, ConfigurationException {
    Settings settings = new Settings();
    CoturnTranslation.readInto(settings, file);
    return settings;
  }

  /** Adds what another file says; each setting that it has counts instead of the same one here. */
  public Settings add(Settings other) {
    values.putAll(other.values);
    notes.addAll(other.notes);
    return this;
  }

  /** What in the files has no effect, or another one than it had where it comes from: a sentence each, with its place. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  void note(String text) {
    notes.add(text);
  }

  /** Sets what a command line says; it counts instead of what was set before. */
  public Settings set(Setting setting, Collection<String> texts) {
    String origin = "--" + setting.key();
    put(setting, texts.stream().map(text -> new Value(text, origin)).toList());
    return this;
  }

  void put(Setting setting, List<Value> list) {
    values.put(setting, List.copyOf(list));
  }

  /**
   * Makes the configuration.
   *
   * @throws ConfigurationException when a value breaks a rule
   */
  public ServerConfiguration build() throws ConfigurationException {
    Draft draft = draft();
    try {
      return new ServerConfiguration(draft);
    } catch (FieldException e) {
      List<Value> culprits = values.getOrDefault(e.setting(), List.of());
      String origin = culprits.isEmpty() ? e.setting().key() : culprits.get(0).origin();
      throw new ConfigurationException(origin + ": " + e.getMessage());
    }
  }

  /** What was collected, not yet seen as a whole. */
  Draft draft() throws ConfigurationException {
    Draft draft = new Draft();
    for (Map.Entry<Setting, List<Value>> entry : values.entrySet()) {
      for (Value value : entry.getValue()) {
        try {
          entry.getKey().taker.take(draft, value.text());
        } catch (IllegalArgumentException e) {
          throw new ConfigurationException(value.origin() + ": " + e.getMessage());
        }
      }
    }
    return draft;
  }

  /** A rule over several settings is broken, and this is the one to change. */
  static final class FieldException extends RuntimeException {
    private final Setting setting;

    FieldException(Setting setting, String rule) {
      super(rule);
      this.setting = setting;
    }

    Setting setting() {
      return setting;
    }
  }
}
