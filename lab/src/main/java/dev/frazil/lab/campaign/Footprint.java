package dev.frazil.lab.campaign;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Counts the objects of core that can be reached from one of them: what a machine remembers. */
final class Footprint {
  private static final Pattern CORE = Pattern.compile("dev\\.frazil\\.(net|stun|ice)\\..*");

  private static final ClassValue<List<Field>> FIELDS = new ClassValue<>() {
    @Override
    protected List<Field> computeValue(Class<?> type) {
      List<Field> fields = new ArrayList<>();
      for (Class<?> each = type;
          CORE.matcher(each.getName()).matches();
          each = each.getSuperclass()) {
        Arrays.stream(each.getDeclaredFields())
            .filter(field -> !Modifier.isStatic(field.getModifiers()))
            .filter(field -> !field.getType().isPrimitive())
            .forEach(fields::add);
      }
      fields.forEach(field -> field.setAccessible(true));
      return fields;
    }
  };

  private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
  private final ArrayDeque<Object> open = new ArrayDeque<>();

  private Footprint() {}

  static int of(Object machine) {
    Footprint footprint = new Footprint();
    footprint.reach(machine);
    int count = 0;
    for (Object next = footprint.open.poll(); next != null; next = footprint.open.poll()) {
      count += footprint.follow(next) ? 1 : 0;
    }
    return count;
  }

  private void reach(Object object) {
    if (object != null && seen.add(object)) {
      open.add(object);
    }
  }

  /** Whether it was an object of core. */
  private boolean follow(Object object) {
    if (object instanceof Collection<?> collection) {
      collection.forEach(this::reach);
    } else if (object instanceof Map<?, ?> map) {
      map.forEach((key, value) -> {
        reach(key);
        reach(value);
      });
    } else if (object instanceof Object[] array) {
      Arrays.stream(array).forEach(this::reach);
    } else if (!(object instanceof Enum<?>)) {
      List<Field> fields = FIELDS.get(object.getClass());
      for (Field field : fields) {
        try {
          reach(field.get(object));
        } catch (IllegalAccessException e) {
          throw new AssertionError(e);
        }
      }
      return CORE.matcher(object.getClass().getName()).matches();
    }
    return false;
  }
}
