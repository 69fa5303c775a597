package dev.frazil.lab.api;

import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.RecordComponent;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The exported types of one module with their public and protected members, as sorted text. */
public final class PublicApi {
  private static final Set<String> OF_EVERY_OBJECT = Set.of("equals", "hashCode", "toString");

  /** One member and how it is written. */
  private record Member(String name, String line) {}

  private final StringBuilder text = new StringBuilder();

  private PublicApi() {}

  /** The API of the module that a class belongs to, found through that class's folder or jar. */
  public static String of(Class<?> anchor) throws IOException {
    ModuleReference module =
        ModuleFinder.of(location(anchor)).findAll().iterator().next();
    ModuleDescriptor descriptor = module.descriptor();
    PublicApi api = new PublicApi();
    api.text.append("module ").append(descriptor.name()).append('\n');
    Set<String> exported = descriptor.exports().stream()
        .filter(export -> !export.isQualified())
        .map(ModuleDescriptor.Exports::source)
        .collect(Collectors.toCollection(TreeSet::new));
    for (String name : exported) {
      api.text.append("\npackage ").append(name).append('\n');
      for (Class<?> type : publicTypes(module, name, anchor.getClassLoader())) {
        api.text.append('\n');
        api.appendType(type, "");
      }
    }
    return api.text.toString();
  }

  private static Path location(Class<?> anchor) {
    try {
      return Path.of(anchor.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("no file holds " + anchor, e);
    }
  }

  private static List<Class<?>> publicTypes(ModuleReference module, String home, ClassLoader loader)
      throws IOException {
    String folder = home.replace('.', '/') + "/";
    try (ModuleReader reader = module.open();
        Stream<String> resources = reader.list()) {
      List<Class<?>> types = new ArrayList<>();
      for (String resource : resources.sorted().toList()) {
        String name = resource.startsWith(folder) ? resource.substring(folder.length()) : "/";
        if (name.endsWith(".class")
            && name.indexOf('/') < 0
            && name.indexOf('$') < 0
            && !name.contains("-")) {
          Class<?> type = load(home + "." + name.substring(0, name.length() - 6), loader);
          if (Modifier.isPublic(type.getModifiers())) {
            types.add(type);
          }
        }
      }
      return types;
    }
  }

  private static Class<?> load(String name, ClassLoader loader) {
    try {
      return Class.forName(name, false, loader);
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(name + " is in its module but cannot be loaded", e);
    }
  }

  private void appendType(Class<?> type, String indent) {
    text.append(indent).append(header(type)).append('\n');
    String inner = indent + "  ";
    if (type.isEnum()) {
      String constants = Arrays.stream(type.getEnumConstants())
          .map(constant -> ((Enum<?>) constant).name())
          .collect(Collectors.joining(", "));
      text.append(inner).append(constants).append('\n');
    }
    Stream.of(fields(type), constructors(type), methods(type))
        .forEach(members -> members
            .sorted(Comparator.comparing(Member::name).thenComparing(Member::line))
            .forEach(member -> text.append(inner).append(member.line()).append('\n')));
    Arrays.stream(type.getDeclaredClasses())
        .filter(nested -> isVisible(nested.getModifiers()))
        .sorted(Comparator.comparing(Class::getSimpleName))
        .forEach(nested -> appendType(nested, inner));
  }

  private static String header(Class<?> type) {
    StringBuilder line = new StringBuilder(modifiers(type));
    line.append(kind(type))
        .append(type.getSimpleName())
        .append(TypeNames.parameters(type.getTypeParameters()));
    if (type.isRecord()) {
      line.append(Arrays.stream(type.getRecordComponents())
          .map(PublicApi::component)
          .collect(Collectors.joining(", ", "(", ")")));
    }
    AnnotatedType parent = type.getAnnotatedSuperclass();
    if (parent != null
        && !type.isRecord()
        && !type.isEnum()
        && type.getSuperclass() != Object.class) {
      line.append(" extends ").append(TypeNames.of(parent));
    }
    if (type.getInterfaces().length > 0) {
      line.append(Arrays.stream(type.getAnnotatedInterfaces())
          .map(TypeNames::of)
          .collect(
              Collectors.joining(", ", type.isInterface() ? " extends " : " implements ", "")));
    }
    if (type.isSealed()) {
      line.append(Arrays.stream(type.getPermittedSubclasses())
          .filter(permitted -> isVisible(permitted.getModifiers()))
          .map(TypeNames::of)
          .sorted()
          .collect(Collectors.joining(", ", " permits ", "")));
    }
    return line.toString();
  }

  private static String component(RecordComponent component) {
    return TypeNames.of(component.getAnnotatedType()) + " " + component.getName();
  }

  private static String kind(Class<?> type) {
    if (type.isAnnotation()) {
      return "@interface ";
    } else if (type.isInterface()) {
      return "interface ";
    } else if (type.isEnum()) {
      return "enum ";
    }
    return type.isRecord() ? "record " : "class ";
  }

  private static String modifiers(Class<?> type) {
    int modifiers = type.getModifiers();
    StringBuilder words =
        new StringBuilder(type.isAnnotationPresent(Deprecated.class) ? "@Deprecated " : "");
    words.append(Modifier.isProtected(modifiers) ? "protected " : "public ");
    boolean plainClass = !type.isInterface() && !type.isEnum() && !type.isRecord();
    if (plainClass && type.getDeclaringClass() != null && Modifier.isStatic(modifiers)) {
      words.append("static ");
    }
    if (plainClass && Modifier.isAbstract(modifiers)) {
      words.append("abstract ");
    }
    if (plainClass && Modifier.isFinal(modifiers)) {
      words.append("final ");
    }
    return words.append(type.isSealed() ? "sealed " : "").toString();
  }

  private static Stream<Member> fields(Class<?> type) {
    return Arrays.stream(type.getDeclaredFields())
        .filter(field -> isVisible(field.getModifiers()))
        .filter(field -> !field.isSynthetic() && !field.isEnumConstant())
        .map(field -> new Member(
            field.getName(),
            words(field, field.getModifiers()) + TypeNames.of(field.getAnnotatedType()) + " "
                + field.getName() + constant(field)));
  }

  /** The value that compilers copy into their callers. */
  private static String constant(Field field) {
    int both = Modifier.STATIC | Modifier.FINAL;
    Class<?> type = field.getType();
    if ((field.getModifiers() & both) != both || !(type.isPrimitive() || type == String.class)) {
      return "";
    }
    try {
      Object value = field.get(null);
      return " = " + (value instanceof String string ? '"' + string + '"' : value);
    } catch (IllegalAccessException e) {
      return "";
    }
  }

  private static Stream<Member> constructors(Class<?> type) {
    return Arrays.stream(type.getDeclaredConstructors())
        .filter(constructor -> isVisible(constructor.getModifiers()) && !constructor.isSynthetic())
        .filter(constructor -> !isCanonical(constructor))
        .map(constructor -> new Member(
            "",
            words(constructor, constructor.getModifiers())
                + generic(constructor)
                + type.getSimpleName()
                + signature(constructor)));
  }

  private static boolean isCanonical(Constructor<?> constructor) {
    Class<?> type = constructor.getDeclaringClass();
    return type.isRecord()
        && Arrays.equals(
            constructor.getParameterTypes(),
            Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getType)
                .toArray());
  }

  private static Stream<Member> methods(Class<?> type) {
    return Arrays.stream(type.getDeclaredMethods())
        .filter(method -> isVisible(method.getModifiers()) && !method.isSynthetic())
        .filter(method -> !OF_EVERY_OBJECT.contains(method.getName()))
        .filter(method -> !isGiven(method))
        .map(method -> new Member(
            method.getName(),
            words(method, methodModifiers(method)) + generic(method)
                + TypeNames.of(method.getAnnotatedReturnType()) + " " + method.getName()
                + signature(method)));
  }

  /** What the compiler writes for every enum and record. */
  private static boolean isGiven(Method method) {
    Class<?> type = method.getDeclaringClass();
    if (type.isEnum()) {
      return method.getName().equals("values") || method.getName().equals("valueOf");
    }
    return type.isRecord()
        && method.getParameterCount() == 0
        && Arrays.stream(type.getRecordComponents())
            .anyMatch(component -> component.getName().equals(method.getName()));
  }

  private static int methodModifiers(Method method) {
    int modifiers = method.getModifiers() & Modifier.methodModifiers() & ~Modifier.SYNCHRONIZED;
    return method.getDeclaringClass().isInterface() ? modifiers & ~Modifier.ABSTRACT : modifiers;
  }

  /** The words before a member's type; what an interface implies is not said. */
  private static <M extends AnnotatedElement & java.lang.reflect.Member> String words(
      M member, int modifiers) {
    StringBuilder words =
        new StringBuilder(member.isAnnotationPresent(Deprecated.class) ? "@Deprecated " : "");
    int said = modifiers;
    if (member.getDeclaringClass().isInterface()) {
      said &= ~(member instanceof Field ? said : Modifier.PUBLIC);
      words.append(member instanceof Method method && method.isDefault() ? "default " : "");
    }
    return words.append(said == 0 ? "" : Modifier.toString(said) + " ").toString();
  }

  private static String generic(Executable member) {
    String variables = TypeNames.parameters(member.getTypeParameters());
    return variables.isEmpty() ? "" : variables + " ";
  }

  private static String signature(Executable member) {
    Parameter[] parameters = member.getParameters();
    List<String> words = new ArrayList<>();
    for (int i = 0; i < parameters.length; i++) {
      String type = TypeNames.of(parameters[i].getAnnotatedType());
      if (parameters[i].isVarArgs()) {
        type = type.substring(0, type.length() - 2) + "...";
      }
      words.add(type + " " + parameters[i].getName());
    }
    String thrown = Arrays.stream(member.getExceptionTypes())
        .map(TypeNames::of)
        .sorted()
        .collect(Collectors.joining(", ", " throws ", ""));
    return "(" + String.join(", ", words) + ")" + (thrown.equals(" throws ") ? "" : thrown);
  }

  private static boolean isVisible(int modifiers) {
    return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
  }
}
