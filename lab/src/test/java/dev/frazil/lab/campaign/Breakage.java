package dev.frazil.lab.campaign;

import java.util.List;

/** A way in which an agent can be wrong, made by changes to its code, and the words in which the campaign says so. */
enum Breakage {
  /** RFC 8445 7.3.1.4. */
  NO_TRIGGERED_CHECK("no triggered check on", Change.empty(ice("CheckServer"), "trigger")),
  /** RFC 8445 7.3.1.1: the smaller tie-breaker wins. */
  WRONG_TIE_BREAK(
      "insisted on a role that the other's tie-breaker wins",
      Change.negated(ice("Roles"), "refuses", "compareUnsigned")),
  /** RFC 8445 7.3.1.1. */
  ROLE_CONFLICT_IGNORED("both ended CONTROLL", Change.empty(ice("CheckServer"), "conflicts")),
  /** RFC 8445 6.1.2.6, RFC 8838 12. */
  NO_FREEZING(
      "while it was frozen behind",
      Change.constant(ice("CandidatePair"), "<init>", "FROZEN", "WAITING"),
      Change.constant(ice("ChecklistSet"), "insertedState", "FROZEN", "WAITING")),
  /** RFC 8445 14.2: an agent paces itself by the process alone. */
  NO_PACING("ms apart, on", Change.withField(ice("Schedule"), "tick", "ta", 0)),
  /** RFC 8445 8.1.1: the best pair is nominated, valid or not. */
  UNPROVEN_PAIR_NOMINATED(
      "on which no check has succeeded",
      Change.withResult(ice("Nomination"), "candidateForNomination", "isValid", 1)),
  /** RFC 8445 8.1.1. */
  NOMINATED_AGAIN(
      "after nomination was over",
      Change.without(ice("Nomination"), "candidateForNomination", "selected")),
  /** RFC 8445 8.1.1, 7.3.1.5. */
  NOMINATION_IGNORED("not settled", Change.empty(ice("Nomination"), "nominatedByPeer")),
  /** RFC 8445 7.2.5.2.1: an answer from elsewhere counts. */
  ASYMMETRIC_ANSWER_TAKEN(
      "data without consent", Change.withResult(ice("CheckClient"), "handleResponse", "equals", 1)),
  /** RFC 8445 7.3.1.3. */
  REMOTE_PEER_REFLEXIVE_NOT_LEARNT(
      "ended failed, but a pair works", Change.empty(ice("CheckServer"), "learn")),
  /** RFC 8445 14.3: each check is sent once. */
  NO_RETRANSMISSION(
      "ended failed, but a pair works",
      Change.withResult("dev.frazil.stun.ClientTransaction", "handleTimeout", "requestCount", 1)),
  /** RFC 8445 7.3. */
  REQUEST_INTEGRITY_UNCHECKED(
      "answered a stranger's check",
      Change.withResult(ice("CheckServer"), "handle", "verifyIntegrity", 1)),
  /** RFC 8445 7.2.5. */
  RESPONSE_INTEGRITY_UNCHECKED(
      "on which no check has succeeded",
      Change.withResult(ice("CheckClient"), "handleResponse", "hasIntegrity", 1),
      Change.withResult(ice("CheckClient"), "handleResponse", "verifyIntegrity", 1)),
  /** RFC 7675 5.1: thirty times as long as it should. */
  CONSENT_LASTS_TOO_LONG(
      "data without consent",
      Change.number(ice("IceConfiguration$Builder"), "<clinit>", 30L, 900L)),
  /** RFC 7675 5.1. */
  CONSENT_NOT_ASKED("ended failed, but a pair works", Change.empty(ice("Consent"), "ask")),
  /** RFC 8445 6.1.2.5. */
  PAIR_LIMIT_IGNORED(
      "are allowed",
      Change.returns(ice("ChecklistSet"), "makeRoom(Ldev/frazil/ice/CandidatePair;Z)Z", 1)),
  /** RFC 8445 19.5.1: what a peer tells is kept without end. */
  REMOTE_CANDIDATES_UNBOUNDED(
      "remote candidates", Change.without(ice("Exchange"), "addRemoteCandidate", "size")),
  /** No transaction is ever forgotten. */
  TRANSACTIONS_KEPT("remembers", Change.empty(ice("Session"), "forget")),
  /** RFC 8828 5.2, mode 3. */
  HOST_ADDRESSES_TOLD(
      "told the forbidden address", Change.returns(ice("IceConfiguration"), "tellsHosts", 1)),
  /** RFC 8828 5.2, modes 2 and 3. */
  EVERY_INTERFACE_USED(
      "the forbidden address", Change.returns(ice("LocalAddresses"), "isAllowed", 1)),
  /** RFC 8863. */
  IMPATIENT(
      "RFC 8863 wants 39.5", Change.withField(ice("Nomination"), "mayFail", "patienceUntil", 0)),
  /** RFC 8445 8.1.2. */
  FAILURE_TOLD_TWICE("failed twice", Change.twice(ice("Nomination"), "fail", "event")),
  /** RFC 8445 9: no answer to checks of the generation before. */
  GENERATION_BEFORE_REFUSED(
      "of a generation that it has to answer for",
      Change.without(ice("Exchange"), "restart", "add")),
  /** RFC 8445 12.1: data stops where a generation ends. */
  PATH_LOST_AT_RESTART(
      "a restart took the path away", Change.without(ice("Paths"), "choose", "route")),
  /** An agent that was closed goes on. */
  NOT_CLOSED("sent after close", Change.empty(ice("IceAgent"), "close"));

  /** What a violation of this kind says. */
  final String words;

  final List<Change> changes;

  Breakage(String words, Change... changes) {
    this.words = words;
    this.changes = List.of(changes);
  }

  private static String ice(String type) {
    return "dev.frazil.ice." + type;
  }
}
