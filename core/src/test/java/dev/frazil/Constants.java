package dev.frazil;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.Buffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.regex.Pattern;

/** Tells values that can never change from state. */
final class Constants {
  private Constants() {}

  /** Whether a static field holds a deeply immutable value; an array passes where it is private. */
  static boolean isConstant(Field field) {
    return isConstant(valueOf(field, null), Modifier.isPrivate(field.getModifiers()));
  }

  private static boolean isConstant(Object value, boolean isHidden) {
    if (value == null
        || value instanceof String
        || value instanceof Number
        || value instanceof Boolean
        || value instanceof Character
        || value instanceof Enum
        || value instanceof Duration
        || value instanceof Pattern) {
      return true;
    } else if (value instanceof Buffer buffer) {
      return buffer.capacity() == 0;
    }
    Class<?> type = value.getClass();
    if (type.isArray()) {
      return isHidden
          && (type.getComponentType().isPrimitive()
              || areConstant(Arrays.asList((Object[]) value)));
    } else if (type.getName().startsWith("java.util.ImmutableCollections$")) {
      return value instanceof Map<?, ?> map
          ? areConstant(map.keySet()) && areConstant(map.values())
          : areConstant((Collection<?>) value);
    }
    // A lambda is judged where its captured values stand; other objects by their fields.
    return type.isHidden() || type.getName().startsWith("dev.frazil.") && hasConstantFields(value);
  }

  private static boolean areConstant(Collection<?> values) {
    return values.stream().allMatch(value -> isConstant(value, true));
  }

  private static boolean hasConstantFields(Object value) {
    return Arrays.stream(value.getClass().getDeclaredFields())
        .filter(field -> !Modifier.isStatic(field.getModifiers()))
        .allMatch(field ->
            Modifier.isFinal(field.getModifiers()) && isConstant(valueOf(field, value), true));
  }

  private static Object valueOf(Field field, Object owner) {
    try {
      field.setAccessible(true);
      return field.get(owner);
    } catch (IllegalAccessException e) {
      throw new AssertionError(field + " cannot be read", e);
    }
  }
}
