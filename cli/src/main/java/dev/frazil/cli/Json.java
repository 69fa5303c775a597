package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.lang.reflect.RecordComponent;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** JSON as the command reads and prints it. Records become objects; no password is ever among their members. */
final class Json {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private Json() {}

  static ObjectNode object() {
    return NODES.objectNode();
  }

  /** Reads one object; null when the text is anything else. */
  static @Nullable ObjectNode parseObject(String text) {
    try {
      return MAPPER.readTree(text) instanceof ObjectNode object ? object : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  /** In one line. */
  static String line(JsonNode node) {
    return MAPPER.writeValueAsString(node);
  }

  /** Over several lines, for people. */
  static String pretty(JsonNode node) {
    return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(node);
  }

  /** Records as objects, collections as arrays, constants in lower case, addresses and the like as their text. */
  static JsonNode tree(@Nullable Object value) {
    if (value == null) {
      return NODES.nullNode();
    } else if (value instanceof JsonNode node) {
      return node;
    } else if (value instanceof Boolean flag) {
      return NODES.booleanNode(flag);
    } else if (value instanceof Double number) {
      return NODES.numberNode(rounded(number));
    } else if (value instanceof Number number) {
      return NODES.numberNode(number.longValue());
    } else if (value instanceof Enum<?> constant) {
      return NODES.stringNode(name(constant));
    } else if (value instanceof Candidate candidate) {
      return NODES.stringNode(candidate.toLine());
    } else if (value instanceof IceParameters parameters) {
      return parameters(parameters);
    } else if (value instanceof Collection<?> elements) {
      ArrayNode array = NODES.arrayNode();
      elements.forEach(element -> array.add(tree(element)));
      return array;
    } else if (value instanceof Map<?, ?> map) {
      ObjectNode object = object();
      map.forEach((key, element) -> object.set(tree(key).asString(), tree(element)));
      return object;
    } else if (value instanceof Record row && !isText(row)) {
      return members(row, object());
    }
    return NODES.stringNode(value.toString());
  }

  /** Adds the components of a record to an object. */
  static ObjectNode members(Record row, ObjectNode object) {
    for (RecordComponent component : row.getClass().getRecordComponents()) {
      try {
        component.getAccessor().setAccessible(true);
        object.set(memberName(component.getName()), tree(component.getAccessor().invoke(row)));
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("cannot read " + component, e);
      }
    }
    return object;
  }

  /** {@code connectMillis} is {@code connect_ms}. */
  private static String memberName(String component) {
    String name = component.endsWith("Millis") ? component.replaceAll("Millis$", "Ms") : component;
    return name.replaceAll("(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
  }

  /** A constant's name as people write it: {@code IN_PROGRESS} is {@code in-progress}. */
  static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Microseconds are precise enough for milliseconds and seconds alike. */
  private static double rounded(double number) {
    return Math.rint(number * 1e6) / 1e6;
  }

  private static boolean isText(Record row) {
    return row instanceof IpAddress || row instanceof TransportAddress || row instanceof FiveTuple;
  }

  private static ObjectNode parameters(IceParameters parameters) {
    ObjectNode object = object().put("ufrag", parameters.ufrag());
    object.put("lite", parameters.lite()).put("pacing", parameters.pacing());
    return object.set("options", tree(parameters.options()));
  }
}
