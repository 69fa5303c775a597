/** A virtual Internet in virtual time, to test protocol machines against. */
module dev.frazil.testkit {
  requires transitive dev.frazil.core;
  requires static org.jspecify;

  exports dev.frazil.testkit;
  exports dev.frazil.testkit.ice;
  exports dev.frazil.testkit.stream;
  exports dev.frazil.testkit.topology;
  exports dev.frazil.testkit.turn;
}
