package dev.frazil.cli.serve;

import dev.frazil.server.Setting;
import dev.frazil.server.Settings;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The settings of the server as options, under the headings of their sections; the server checks the values. */
final class ServeOptions {
  private ServeOptions() {}

  /** Adds an option for each setting. */
  static void addTo(CommandSpec spec) {
    for (Setting.Section section : Setting.Section.values()) {
      ArgGroupSpec.Builder group = ArgGroupSpec.builder()
          .heading("%n" + section.title() + ":%n")
          .order(section.ordinal())
          .validate(false);
      Arrays.stream(Setting.values())
          .filter(setting -> setting.section() == section)
          .forEach(setting -> group.addArg(option(setting)));
      spec.addArgGroup(group.build());
    }
  }

  private static String name(Setting setting) {
    return "--" + setting.key();
  }

  private static OptionSpec option(Setting setting) {
    OptionSpec.Builder option = OptionSpec.builder(name(setting))
        .order(setting.ordinal())
        .description(setting.help().replace("%", "%%"));
    return switch (setting.kind()) {
      case FLAG -> option.type(boolean.class).build();
      case TEXTS ->
        option
            .paramLabel(setting.label())
            .arity("1")
            .type(List.class)
            .auxiliaryTypes(String.class)
            .build();
      default ->
        option.paramLabel(setting.label()).arity("1").type(String.class).build();
    };
  }

  /** Sets what was given. */
  static void read(ParseResult parsed, Settings settings) {
    for (Setting setting : Setting.values()) {
      Object value = parsed.matchedOptionValue(name(setting), null);
      if (value instanceof List<?> list) {
        settings.set(setting, list.stream().map(Object::toString).toList());
      } else if (value != null) {
        settings.set(setting, List.of(value.toString()));
      }
    }
  }
}
