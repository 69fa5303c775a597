package dev.frazil.lab.api;

import java.lang.reflect.AnnotatedArrayType;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.AnnotatedWildcardType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Types as people write them: those of the JDK and of Frazil without their package. */
final class TypeNames {
  private TypeNames() {}

  static String of(Class<?> type) {
    if (type.isArray()) {
      return of(type.getComponentType()) + "[]";
    }
    Class<?> outer = type.getDeclaringClass();
    if (outer != null) {
      return of(outer) + "." + type.getSimpleName();
    }
    String home = type.getPackageName();
    return home.startsWith("java.") || home.startsWith("dev.frazil")
        ? type.getSimpleName()
        : type.getName();
  }

  static String of(AnnotatedType type) {
    if (type instanceof AnnotatedArrayType array) {
      // Java writes the annotation of the array itself before its brackets.
      String mark = nullable(array);
      return of(array.getAnnotatedGenericComponentType()) + (mark.isEmpty() ? "" : " " + mark)
          + "[]";
    } else if (type instanceof AnnotatedWildcardType wildcard) {
      return wildcard(wildcard);
    } else if (type instanceof AnnotatedParameterizedType parameterized) {
      Class<?> raw = (Class<?>) ((ParameterizedType) type.getType()).getRawType();
      return nullable(type) + of(raw) + list(parameterized.getAnnotatedActualTypeArguments());
    }
    return nullable(type) + plain(type.getType());
  }

  /** {@code <A extends B, C>}, or nothing. */
  static String parameters(TypeVariable<?>[] variables) {
    if (variables.length == 0) {
      return "";
    }
    List<String> names = new ArrayList<>();
    for (TypeVariable<?> variable : variables) {
      String bounds = Arrays.stream(variable.getAnnotatedBounds())
          .map(TypeNames::of)
          .filter(bound -> !bound.equals("Object"))
          .collect(Collectors.joining(" & "));
      names.add(variable.getName() + (bounds.isEmpty() ? "" : " extends " + bounds));
    }
    return "<" + String.join(", ", names) + ">";
  }

  private static String wildcard(AnnotatedWildcardType wildcard) {
    if (wildcard.getAnnotatedLowerBounds().length > 0) {
      return "? super " + of(wildcard.getAnnotatedLowerBounds()[0]);
    }
    String bound = of(wildcard.getAnnotatedUpperBounds()[0]);
    return bound.equals("Object") ? "?" : "? extends " + bound;
  }

  private static String list(AnnotatedType[] types) {
    return types.length == 0
        ? ""
        : Arrays.stream(types).map(TypeNames::of).collect(Collectors.joining(", ", "<", ">"));
  }

  private static String plain(Type type) {
    return type instanceof Class<?> known ? of(known) : type.getTypeName();
  }

  private static String nullable(@Nullable AnnotatedElement element) {
    return element != null && element.isAnnotationPresent(Nullable.class) ? "@Nullable " : "";
  }
}
