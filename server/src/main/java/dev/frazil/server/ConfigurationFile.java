package dev.frazil.server;

import dev.frazil.server.Settings.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.toml.TomlMapper;

/** A configuration as a TOML file: a key for each setting, and the table of users. */
final class ConfigurationFile {
  private static final String USERS = "users";

  private final Path file;

  ConfigurationFile(Path file) {
    this.file = file;
  }

  void readInto(Settings settings) throws IOException, ConfigurationException {
    String text = Files.readString(file);
    TomlLines lines = new TomlLines(text);
    for (Map.Entry<String, JsonNode> entry : parse(text).properties()) {
      String key = entry.getKey();
      if (key.equals(USERS)) {
        settings.put(Setting.USER, users(entry.getValue(), lines));
        continue;
      }
      Setting setting = Setting.of(key)
          .filter(known -> known != Setting.USER)
          .orElseThrow(() -> wrong(lines.of(key), key, "is no setting"));
      settings.put(setting, values(setting, entry.getValue(), lines));
    }
  }

  private JsonNode parse(String text) throws ConfigurationException {
    try {
      return new TomlMapper().readTree(text);
    } catch (JacksonException e) {
      TokenStreamLocation location = e.getLocation();
      String line = location == null ? "" : ":" + location.getLineNr();
      throw new ConfigurationException(file + line + ": is not TOML: "
          + e.getOriginalMessage().lines().findFirst().orElse(""));
    }
  }

  private List<Value> values(Setting setting, JsonNode node, TomlLines lines)
      throws ConfigurationException {
    String key = setting.key();
    List<Value> values = new ArrayList<>();
    Iterable<JsonNode> elements =
        node.isArray() && setting.kind() == Setting.Kind.TEXTS ? node.values() : List.of(node);
    for (JsonNode element : elements) {
      boolean fits = switch (setting.kind()) {
        case TEXT, TEXTS, PATH -> element.isString();
        case NUMBER -> element.isIntegralNumber();
        case FLAG -> element.isBoolean();
      };
      if (!fits) {
        throw wrong(lines.of(key), key, "has to be " + setting.kind().words);
      }
      String text = element.asString();
      String value = setting.kind() == Setting.Kind.PATH && !text.isEmpty()
          ? file.resolveSibling(text).toString()
          : text;
      values.add(new Value(value, place(lines.of(key, text), key)));
    }
    return values;
  }

  private List<Value> users(JsonNode table, TomlLines lines) throws ConfigurationException {
    if (!table.isObject()) {
      throw wrong(lines.of(USERS), USERS, "has to be a table of NAME = \"PASSWORD\"");
    }
    List<Value> users = new ArrayList<>();
    for (Map.Entry<String, JsonNode> user : table.properties()) {
      String name = user.getKey();
      int line = lines.of(USERS, name);
      if (!user.getValue().isString()) {
        throw wrong(line, USERS, "the password of '" + name + "' has to be a string");
      } else if (name.indexOf(':') >= 0) {
        throw wrong(line, USERS, "the name '" + name + "' must not have a colon");
      }
      users.add(new Value(name + ":" + user.getValue().asString(), place(line, USERS)));
    }
    return users;
  }

  private ConfigurationException wrong(int line, String key, String rule) {
    return new ConfigurationException(place(line, key) + ": " + rule);
  }

  private String place(int line, String key) {
    return file + ":" + line + ": " + key;
  }
}
