package dev.frazil.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The command {@code frazil}. */
@Command(
    name = "frazil",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description = "Finds the best path between two hosts, whatever stands between them.")
public final class Main implements Runnable {
  private Main() {}

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Main()).execute(arguments));
  }

  @Override
  public void run() {
    CommandLine.usage(this, System.out);
  }

  /** Reads the version that the build wrote into the jar. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"frazil " + (version == null ? "(not from a jar)" : version)};
    }
  }
}
