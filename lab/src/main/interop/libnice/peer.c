/*
 * A peer of the interop tests: one libnice agent with one stream of one component, steered over standard input and
 * output (docs/interop.md). Beside the common arguments it takes --lite, --pacing and --regular-nomination (libnice
 * nominates aggressively by default). libnice never makes candidates of loopback addresses: --loopback is refused. Its
 * TLS to TURN servers is none (a greeting that looks like it): --turn takes udp and tcp.
 */
#include "lines.h"

#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPONENT 1
#define MAX_PAYLOAD 65507

/* One run of numbered payloads: the count given at the start, or a later burst. */
typedef struct {
  guint first, count, sent, received;
  gboolean *seen;
  gint64 first_at;
  guint timer;
} Payloads;

static struct {
  GMainLoop *loop;
  NiceAgent *agent;
  guint stream;
  gint64 epoch;
  guint generation;
  gboolean gathered, connected, data_seen, checking;
  char *remote_ufrag, *remote_pwd;
  gboolean remote_credentials_set, remote_ended;
  GSList *remote_candidates;
  GPtrArray *early;             /* pings that came before libnice had a pair to answer on */
  Payloads payloads;
} peer;

static struct {
  gboolean controlling, controlled, trickle, lite, regular, relays_only;
  char **stun, **turn, *policy;
  int count, size, interval, pacing;
  double timeout;
} args = { .count = 100, .size = 64, .interval = 10, .timeout = 60 };

/* ---- Lines out */

static double
now_ms (void)
{
  return (g_get_monotonic_time () - peer.epoch) / 1000.0;
}

static GString *
line_new (const char *type)
{
  GString *line = g_string_new ("{\"type\":");
  line_quote (line, type);
  return line;
}

static void
line_text (GString *line, const char *name, const char *value)
{
  g_string_append_printf (line, ",\"%s\":", name);
  line_quote (line, value);
}

static void
line_print (GString *line)
{
  puts (g_string_append_c (line, '}')->str);
  fflush (stdout);
  g_string_free (line, TRUE);
}

static void
line_print_now (GString *line)
{
  g_string_append_printf (line, ",\"ms\":%.3f", now_ms ());
  line_print (line);
}

static void
line_generation (GString *line)
{
  if (peer.generation > 0)
    g_string_append_printf (line, ",\"generation\":%u", peer.generation);
}

static void
print_error (const char *message)
{
  GString *line = line_new ("error");
  line_text (line, "message", message);
  line_print (line);
}

static void
print_state (const char *state)
{
  GString *line = line_new ("state");
  line_text (line, "state", state);
  line_print_now (line);
}

static void
print_credentials (void)
{
  char *ufrag, *pwd;
  GString *line = line_new ("credentials");

  nice_agent_get_local_credentials (peer.agent, peer.stream, &ufrag, &pwd);
  line_text (line, "ufrag", ufrag);
  line_text (line, "pwd", pwd);
  line_generation (line);
  if (args.lite)
    g_string_append (line, ",\"lite\":true");
  line_print (line);
  g_free (ufrag);
  g_free (pwd);
}

/* The candidate as RFC 8839 writes it, without "a=". */
static char *
candidate_text (const NiceCandidate *candidate)
{
  char *sdp = nice_agent_generate_local_candidate_sdp (peer.agent, (NiceCandidate *) candidate);
  char *text = g_strdup (g_str_has_prefix (sdp, "a=") ? sdp + 2 : sdp);
  g_free (sdp);
  return text;
}

static void
print_candidate (const NiceCandidate *candidate)
{
  char *sdp = candidate_text (candidate);
  GString *line = line_new ("candidate");

  line_text (line, "sdp", sdp);
  line_generation (line);
  line_print_now (line);
  g_free (sdp);
}

static void
print_local_candidates (void)
{
  GSList *candidates = nice_agent_get_local_candidates (peer.agent, peer.stream, COMPONENT);

  for (GSList *i = candidates; i; i = i->next)
    print_candidate (i->data);
  g_slist_free_full (candidates, (GDestroyNotify) nice_candidate_free);
}

static void
print_end_of_candidates (void)
{
  GString *line = line_new ("end-of-candidates");
  line_generation (line);
  line_print_now (line);
}

static void
print_selected (NiceCandidate *local, NiceCandidate *remote)
{
  char *local_sdp = candidate_text (local), *remote_sdp = candidate_text (remote);
  GString *line = line_new ("selected");

  line_text (line, "local", local_sdp);
  line_text (line, "remote", remote_sdp);
  line_generation (line);
  line_print_now (line);
  g_free (local_sdp);
  g_free (remote_sdp);
}

/* ---- Payloads */

static gboolean
on_echo_due (G_GNUC_UNUSED gpointer data)
{
  GString *line = line_new ("echo");
  Payloads *run = &peer.payloads;

  g_string_append_printf (line, ",\"sent\":%u,\"received\":%u", run->sent, run->received);
  if (run->received > 0)
    g_string_append_printf (line, ",\"first_ms\":%.3f", (run->first_at - peer.epoch) / 1000.0);
  line_print_now (line);
  run->first += run->count;
  run->count = run->timer = 0;
  return G_SOURCE_REMOVE;
}

static gboolean
on_payload_due (G_GNUC_UNUSED gpointer data)
{
  Payloads *run = &peer.payloads;
  char payload[MAX_PAYLOAD];

  memset (payload, '.', args.size);
  g_snprintf (payload, 13, "ping%08u", run->first + run->sent);
  if (args.size > 12)
    payload[12] = '.';
  nice_agent_send (peer.agent, peer.stream, COMPONENT, args.size, payload);
  if (++run->sent < run->count)
    return G_SOURCE_CONTINUE;
  run->timer = g_timeout_add (2000, on_echo_due, NULL);
  return G_SOURCE_REMOVE;
}

static void
send_payloads (guint count)
{
  Payloads *run = &peer.payloads;

  if (count == 0)
    return;
  if (run->count > 0) {
    print_error ("payloads of the run before are still under way");
    return;
  }
  g_free (run->seen);
  run->seen = g_new0 (gboolean, count);
  run->count = count;
  run->sent = run->received = 0;
  run->timer = g_timeout_add (args.interval, on_payload_due, NULL);
}

static void
handle_pong (const char *payload)
{
  Payloads *run = &peer.payloads;
  char digits[9] = { 0 };
  guint number;

  memcpy (digits, payload + 4, 8);
  number = g_ascii_strtoull (digits, NULL, 10) - run->first;
  if (number >= run->count || run->seen[number])
    return;
  run->seen[number] = TRUE;
  if (run->received++ == 0)
    run->first_at = g_get_monotonic_time ();
  if (run->received == run->count && run->sent == run->count) {
    g_source_remove (run->timer);
    on_echo_due (NULL);
  }
}

static void
on_payload (G_GNUC_UNUSED NiceAgent *agent, G_GNUC_UNUSED guint stream, G_GNUC_UNUSED guint component, guint length,
    gchar *payload, G_GNUC_UNUSED gpointer data)
{
  if (!peer.data_seen) {
    GString *line = line_new ("data");
    g_string_append_printf (line, ",\"bytes\":%u", length);
    line_print_now (line);
    peer.data_seen = TRUE;
  }
  if (length >= 4 && memcmp (payload, "ping", 4) == 0) {
    memcpy (payload, "pong", 4);
    if (nice_agent_send (peer.agent, peer.stream, COMPONENT, length, payload) < (gint) length && !peer.connected)
      g_ptr_array_add (peer.early, g_bytes_new (payload, length));
  } else if (length >= 12 && memcmp (payload, "pong", 4) == 0) {
    handle_pong (payload);
  }
}

static void
answer_early_pings (void)
{
  for (guint i = 0; i < peer.early->len; i++) {
    gsize length;
    const char *payload = g_bytes_get_data (peer.early->pdata[i], &length);
    nice_agent_send (peer.agent, peer.stream, COMPONENT, length, payload);
  }
  g_ptr_array_set_size (peer.early, 0);
}

/* ---- The remote side */

/* Hands libnice what is known of the other side, as soon as the rules for trickling or not allow it. */
static void
apply_remote (void)
{
  if (peer.remote_ufrag == NULL || (!args.trickle && !(peer.gathered && peer.remote_ended)))
    return;
  if (!peer.remote_credentials_set) {
    peer.remote_credentials_set = TRUE;
    nice_agent_set_remote_credentials (peer.agent, peer.stream, peer.remote_ufrag, peer.remote_pwd);
  }
  if (peer.remote_candidates != NULL) {
    nice_agent_set_remote_candidates (peer.agent, peer.stream, COMPONENT, peer.remote_candidates);
    g_slist_free_full (peer.remote_candidates, (GDestroyNotify) nice_candidate_free);
    peer.remote_candidates = NULL;
  }
  if (args.trickle && peer.remote_ended)
    nice_agent_peer_candidate_gathering_done (peer.agent, peer.stream);
}

static void
handle_candidate (const char *sdp)
{
  char *attribute = g_str_has_prefix (sdp, "a=") ? g_strdup (sdp) : g_strconcat ("a=", sdp, NULL);
  NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp (peer.agent, peer.stream, attribute);

  if (candidate == NULL) {
    char *message = g_strconcat ("skipped ", sdp, NULL);
    print_error (message);
    g_free (message);
  } else if (candidate->component_id != COMPONENT || candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP) {
    nice_candidate_free (candidate);
  } else {
    peer.remote_candidates = g_slist_append (peer.remote_candidates, candidate);
    apply_remote ();
  }
  g_free (attribute);
}

static void
begin_generation (guint generation)
{
  peer.generation = generation;
  g_clear_pointer (&peer.remote_ufrag, g_free);
  g_clear_pointer (&peer.remote_pwd, g_free);
  g_slist_free_full (peer.remote_candidates, (GDestroyNotify) nice_candidate_free);
  peer.remote_candidates = NULL;
  peer.remote_credentials_set = peer.remote_ended = peer.checking = FALSE;
  nice_agent_restart_stream (peer.agent, peer.stream);
  print_credentials ();
  /* libnice keeps its sockets over a restart, and so its candidates. */
  print_local_candidates ();
  print_end_of_candidates ();
}

/* ---- Events of the agent */

static void
on_new_candidate (G_GNUC_UNUSED NiceAgent *agent, NiceCandidate *candidate, G_GNUC_UNUSED gpointer data)
{
  if (args.trickle)
    print_candidate (candidate);
}

static void
on_gathered (G_GNUC_UNUSED NiceAgent *agent, G_GNUC_UNUSED guint stream, G_GNUC_UNUSED gpointer data)
{
  if (peer.gathered)
    return;
  peer.gathered = TRUE;
  if (!args.trickle)
    print_local_candidates ();
  print_end_of_candidates ();
  apply_remote ();
}

static void
on_state (G_GNUC_UNUSED NiceAgent *agent, G_GNUC_UNUSED guint stream, G_GNUC_UNUSED guint component, guint state,
    G_GNUC_UNUSED gpointer data)
{
  switch (state) {
    case NICE_COMPONENT_STATE_CONNECTING:
      if (!peer.checking)
        print_state ("checking");
      peer.checking = TRUE;
      break;
    case NICE_COMPONENT_STATE_CONNECTED:
    case NICE_COMPONENT_STATE_READY:
      print_state (state == NICE_COMPONENT_STATE_READY ? "completed" : "connected");
      answer_early_pings ();
      if (!peer.connected && args.controlling)
        send_payloads (args.count);
      peer.connected = TRUE;
      break;
    case NICE_COMPONENT_STATE_FAILED:
      print_state ("failed");
      break;
    default:
      break;
  }
}

static void
on_selected (G_GNUC_UNUSED NiceAgent *agent, G_GNUC_UNUSED guint stream, G_GNUC_UNUSED guint component,
    NiceCandidate *local, NiceCandidate *remote, G_GNUC_UNUSED gpointer data)
{
  print_selected (local, remote);
  answer_early_pings ();
}

static gboolean
on_timeout (G_GNUC_UNUSED gpointer data)
{
  if (!peer.connected)
    print_state ("failed");
  return G_SOURCE_REMOVE;
}

/* ---- Lines in */

/* HOST:PORT:USER:PASS[:udp|tcp] with its parts named; FALSE when it is something else. */
static gboolean
match_turn (const char *server, GMatchInfo **parts)
{
  static GRegex *form;

  if (form == NULL)
    form = g_regex_new ("^(?|\\[(?<host>[^\\]]+)\\]|(?<host>[^:]+)):(?<port>[0-9]{1,5}):(?<user>[^:]+):(?<password>[^:]+)"
        "(?::(?<transport>udp|tcp))?$", 0, 0, NULL);
  return g_regex_match (form, server, 0, parts);
}

static void
add_turn (const char *server)
{
  GMatchInfo *parts;

  if (match_turn (server, &parts)) {
    char *host = g_match_info_fetch_named (parts, "host"), *port = g_match_info_fetch_named (parts, "port");
    char *user = g_match_info_fetch_named (parts, "user"), *password = g_match_info_fetch_named (parts, "password");
    char *transport = g_match_info_fetch_named (parts, "transport");
    NiceRelayType type = g_strcmp0 (transport, "tcp") == 0 ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;

    if (!nice_agent_set_relay_info (peer.agent, peer.stream, COMPONENT, host, atoi (port), user, password, type))
      print_error ("libnice does not take the TURN server");
    g_free (host);
    g_free (port);
    g_free (user);
    g_free (password);
    g_free (transport);
  }
  g_match_info_free (parts);
}

static void
start (void)
{
  NiceAgentOption options = NICE_AGENT_OPTION_CONSENT_FRESHNESS;

  if (args.trickle)
    options |= NICE_AGENT_OPTION_ICE_TRICKLE;
  if (args.lite)
    options |= NICE_AGENT_OPTION_LITE_MODE;
  if (args.regular)
    options |= NICE_AGENT_OPTION_REGULAR_NOMINATION;
  peer.epoch = g_get_monotonic_time ();
  peer.agent = nice_agent_new_full (NULL, NICE_COMPATIBILITY_RFC5245, options);
  g_object_set (peer.agent, "controlling-mode", args.controlling, "upnp", FALSE, "ice-tcp", FALSE,
      "force-relay", args.relays_only, NULL);
  if (args.pacing > 0)
    g_object_set (peer.agent, "stun-pacing-timer", args.pacing, NULL);
  if (args.stun != NULL) {
    char *host = g_strdup (args.stun[0]), *colon = strrchr (host, ':');
    char *address = host[0] == '[' && colon[-1] == ']' ? host + 1 : host;
    colon[address == host ? 0 : -1] = '\0';
    g_object_set (peer.agent, "stun-server", address, "stun-server-port", atoi (colon + 1), NULL);
    g_free (host);
    if (args.stun[1] != NULL)
      print_error ("libnice asks one STUN server only: the first is used");
  }
  g_signal_connect (peer.agent, "new-candidate-full", G_CALLBACK (on_new_candidate), NULL);
  g_signal_connect (peer.agent, "candidate-gathering-done", G_CALLBACK (on_gathered), NULL);
  g_signal_connect (peer.agent, "component-state-changed", G_CALLBACK (on_state), NULL);
  g_signal_connect (peer.agent, "new-selected-pair-full", G_CALLBACK (on_selected), NULL);
  peer.stream = nice_agent_add_stream (peer.agent, 1);
  for (char **server = args.turn; server != NULL && *server != NULL; server++)
    add_turn (*server);
  nice_agent_attach_recv (peer.agent, peer.stream, COMPONENT, NULL, on_payload, NULL);
  g_timeout_add (args.timeout * 1000, on_timeout, NULL);
  print_credentials ();
  if (!nice_agent_gather_candidates (peer.agent, peer.stream)) {
    print_error ("gathering could not start");
    on_gathered (peer.agent, peer.stream, NULL);
  }
}

static void
handle_remote_line (const char *line, const char *type)
{
  char *text = line_member (line, "generation");
  guint generation = text == NULL ? 0 : g_ascii_strtoull (text, NULL, 10);

  g_free (text);
  if (generation < peer.generation)
    return;
  if (generation > peer.generation)
    begin_generation (generation);
  if (strcmp (type, "credentials") == 0) {
    char *ufrag = line_member (line, "ufrag"), *pwd = line_member (line, "pwd");
    if (ufrag == NULL || pwd == NULL || peer.remote_ufrag != NULL) {
      g_free (ufrag);
      g_free (pwd);
      return;
    }
    peer.remote_ufrag = ufrag;
    peer.remote_pwd = pwd;
    apply_remote ();
  } else if (strcmp (type, "candidate") == 0) {
    char *sdp = line_member (line, "sdp");
    if (sdp != NULL)
      handle_candidate (sdp);
    g_free (sdp);
  } else if (strcmp (type, "end-of-candidates") == 0) {
    peer.remote_ended = TRUE;
    apply_remote ();
  }
}

static void
on_closed (G_GNUC_UNUSED GObject *agent, G_GNUC_UNUSED GAsyncResult *result, G_GNUC_UNUSED gpointer data)
{
  g_main_loop_quit (peer.loop);
}

static gboolean
on_close_overdue (G_GNUC_UNUSED gpointer data)
{
  g_main_loop_quit (peer.loop);
  return G_SOURCE_REMOVE;
}

static void
stop (void)
{
  if (peer.agent == NULL) {
    g_main_loop_quit (peer.loop);
    return;
  }
  nice_agent_close_async (peer.agent, on_closed, NULL);
  g_timeout_add (1000, on_close_overdue, NULL);
}

static gboolean
handle_line (const char *line)
{
  char *type = line_member (line, "type");
  gboolean go_on = TRUE;

  if (type == NULL) {
    return TRUE;
  } else if (strcmp (type, "stop") == 0) {
    go_on = FALSE;
  } else if (peer.agent == NULL) {
    if (strcmp (type, "start") == 0)
      start ();
  } else if (strcmp (type, "restart") == 0) {
    begin_generation (peer.generation + 1);
  } else if (strcmp (type, "burst") == 0) {
    char *count = line_member (line, "count");
    send_payloads (count == NULL ? 0 : g_ascii_strtoull (count, NULL, 10));
    g_free (count);
  } else {
    handle_remote_line (line, type);
  }
  g_free (type);
  return go_on;
}

static gboolean
on_stdin (GIOChannel *channel, G_GNUC_UNUSED GIOCondition condition, G_GNUC_UNUSED gpointer data)
{
  char *line = NULL;
  gboolean go_on = TRUE;
  GIOStatus status = g_io_channel_read_line (channel, &line, NULL, NULL, NULL);

  if (status == G_IO_STATUS_AGAIN)
    return G_SOURCE_CONTINUE;
  go_on = status == G_IO_STATUS_NORMAL && handle_line (line);
  g_free (line);
  if (!go_on)
    stop ();
  return go_on;
}

/* ---- Arguments */

static const GOptionEntry entries[] = {
  { "controlling", 0, 0, G_OPTION_ARG_NONE, &args.controlling, "Start in the controlling role", NULL },
  { "controlled", 0, 0, G_OPTION_ARG_NONE, &args.controlled, "Start in the controlled role", NULL },
  { "stun", 0, 0, G_OPTION_ARG_STRING_ARRAY, &args.stun, "STUN server", "HOST:PORT" },
  { "turn", 0, 0, G_OPTION_ARG_STRING_ARRAY, &args.turn, "TURN server", "HOST:PORT:USER:PASS[:udp|tcp]" },
  { "policy", 0, 0, G_OPTION_ARG_STRING, &args.policy, "Candidates to use", "all|relay" },
  { "trickle", 0, 0, G_OPTION_ARG_NONE, &args.trickle, "Trickle candidates", NULL },
  { "count", 0, 0, G_OPTION_ARG_INT, &args.count, "Payloads to send", "N" },
  { "size", 0, 0, G_OPTION_ARG_INT, &args.size, "Bytes of a payload", "B" },
  { "interval", 0, 0, G_OPTION_ARG_INT, &args.interval, "Time between payloads", "MS" },
  { "timeout", 0, 0, G_OPTION_ARG_DOUBLE, &args.timeout, "Give up when not connected by then", "S" },
  { "lite", 0, 0, G_OPTION_ARG_NONE, &args.lite, "Run as a lite agent", NULL },
  { "pacing", 0, 0, G_OPTION_ARG_INT, &args.pacing, "Ta", "MS" },
  { "regular-nomination", 0, 0, G_OPTION_ARG_NONE, &args.regular, "Nominate one pair only", NULL },
  G_OPTION_ENTRY_NULL
};

static gboolean
parse_arguments (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;
  gboolean valid;

  g_option_context_add_main_entries (context, entries, NULL);
  valid = g_option_context_parse (context, &argc, &argv, &error);
  if (!valid) {
    fprintf (stderr, "%s\n", error->message);
    g_error_free (error);
  } else if (argc > 1) {
    fprintf (stderr, "unknown argument %s\n", argv[1]);
    valid = FALSE;
  } else if (args.controlling == args.controlled) {
    fputs ("exactly one of --controlling and --controlled is needed\n", stderr);
    valid = FALSE;
  } else if (args.count < 0 || args.size < 12 || args.size > MAX_PAYLOAD || args.interval < 0 || args.timeout <= 0) {
    fputs ("--count, --size, --interval or --timeout is out of range\n", stderr);
    valid = FALSE;
  }
  for (char **server = args.turn; valid && server != NULL && *server != NULL; server++) {
    GMatchInfo *parts;
    if (!match_turn (*server, &parts)) {
      fputs ("--turn: HOST:PORT:USER:PASS[:udp|tcp] is needed\n", stderr);
      valid = FALSE;
    }
    g_match_info_free (parts);
  }
  args.relays_only = g_strcmp0 (args.policy, "relay") == 0;
  if (valid && args.policy != NULL && !args.relays_only && strcmp (args.policy, "all") != 0) {
    fprintf (stderr, "--policy %s: all or relay is needed\n", args.policy);
    valid = FALSE;
  }
  for (char **server = args.stun; valid && server != NULL && *server != NULL; server++) {
    if (strrchr (*server, ':') == NULL) {
      fprintf (stderr, "--stun %s: HOST:PORT is needed\n", *server);
      valid = FALSE;
    }
  }
  g_option_context_free (context);
  return valid;
}

int
main (int argc, char **argv)
{
  GIOChannel *input;
  GString *hello;

  if (!parse_arguments (argc, argv))
    return 2;
  peer.loop = g_main_loop_new (NULL, FALSE);
  peer.early = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  input = g_io_channel_unix_new (0);
  g_io_channel_set_flags (input, G_IO_FLAG_NONBLOCK, NULL);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, on_stdin, NULL);
  hello = line_new ("hello");
  line_text (hello, "driver", "libnice");
  line_text (hello, "version", LIBNICE_VERSION);
  line_print (hello);
  g_main_loop_run (peer.loop);
  g_clear_object (&peer.agent);
  return 0;
}
