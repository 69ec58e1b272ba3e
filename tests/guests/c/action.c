/* An Action for both triggers, written in C against WASI preview 1.
 *
 * It uses each way in which a guest and the host can talk: typed accessors, the
 * event as JSON, commands that are taken, one that is refused, the log, stdout,
 * and memory from malloc. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "both_triggers.h"

typedef both_triggers_string_t string_t;

/* Text to hand to the host, which copies it; not to be freed. */
static string_t view(const char *text) {
  string_t view;
  both_triggers_string_set(&view, text);
  return view;
}

/* Text as a JSON string, for text without quotes, backslashes and control
 * characters; NULL for any other. The caller frees it. */
static char *json_string(const string_t *text) {
  for (size_t i = 0; i < text->len; i++) {
    if (text->ptr[i] < 0x20 || text->ptr[i] == '"' || text->ptr[i] == '\\') return NULL;
  }
  char *json = malloc(text->len + 3);
  if (json == NULL) return NULL;
  json[0] = '"';
  memcpy(json + 1, text->ptr, text->len);
  memcpy(json + 1 + text->len, "\"", 2);
  return json;
}

/* Sets a claim of the access token; a refusal goes to the log and is no error. */
static void set_claim(const char *name, string_t value_json) {
  string_t claim = view(name);
  claimsmith_actions_refusals_refusal_t refusal;
  if (!claimsmith_actions_access_token_set_custom_claim(&claim, &value_json, &refusal)) return;

  claimsmith_actions_log_write(CLAIMSMITH_ACTIONS_LOG_LEVEL_WARN, &refusal.code);
  claimsmith_actions_log_write(CLAIMSMITH_ACTIONS_LOG_LEVEL_WARN, &refusal.remedy);
  claimsmith_actions_refusals_refusal_free(&refusal);
}

static void note(const char *message) {
  string_t text = view(message);
  claimsmith_actions_log_write(CLAIMSMITH_ACTIONS_LOG_LEVEL_INFO, &text);
}

/* Of what a module without a main prints, only the first line goes out by itself:
 * it has no exit that would flush stdout. */
static void greet(void) {
  printf("hello from C\n");
  fflush(stdout);
}

/* Puts the user's role and email into the access token. Both are JSON texts
 * already: one from an open map, one from the event as JSON. */
bool exports_claimsmith_actions_post_login_handler_on_execute_post_login(string_t *err) {
  (void)err; /* Nothing here can make the Action fail. */

  string_t role, key = view("role");
  if (claimsmith_actions_event_user_app_metadata_json(&key, &role)) {
    set_claim("https://example.com/role", role);
    both_triggers_string_free(&role);
  }

  string_t email, pointer = view("/user/email");
  if (claimsmith_actions_event_get_json(&pointer, &email)) {
    set_claim("https://example.com/email", email);
    both_triggers_string_free(&email);
  }

  set_claim("sub", view("\"somebody else\""));
  note("login");
  greet();
  return true;
}

/* Puts the client's department into its access token. */
bool exports_claimsmith_actions_credentials_exchange_handler_on_execute_credentials_exchange(
    string_t *err) {
  string_t department, key = view("department");
  if (claimsmith_actions_event_client_metadata(&key, &department)) {
    char *value = json_string(&department);
    both_triggers_string_free(&department);
    if (value == NULL) {
      both_triggers_string_dup(err, "the client's department can't be written as JSON");
      return false;
    }
    set_claim("https://example.com/department", view(value));
    free(value);
  }

  note("exchange");
  greet();
  return true;
}
