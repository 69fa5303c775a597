#include "lines.h"

#include <string.h>

static const char *
skip_space (const char *p)
{
  while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
    p++;
  return p;
}

/* From an opening quote to the character after the closing one; NULL if there is none. */
static const char *
skip_string (const char *p)
{
  for (p++; *p != '"'; p++) {
    if (*p == '\\')
      p++;
    if (*p == '\0')
      return NULL;
  }
  return p + 1;
}

/* From the first character of a value to the one after its last. */
static const char *
skip_value (const char *p)
{
  int depth = 0;

  do {
    if (*p == '"') {
      p = skip_string (p);
      if (p == NULL)
        return NULL;
      continue;
    }
    if (*p == '\0')
      return depth == 0 ? p : NULL;
    if (*p == '{' || *p == '[')
      depth++;
    else if ((*p == '}' || *p == ']') && depth-- == 0)
      return p;
    p++;
  } while (depth > 0 || (*p != ',' && *p != '}'));
  return p;
}

static char *
unquote (const char *p, const char *end)
{
  GString *text = g_string_new (NULL);

  for (p++; p < end - 1; p++) {
    if (*p != '\\') {
      g_string_append_c (text, *p);
      continue;
    }
    switch (*++p) {
      case 'b': g_string_append_c (text, '\b'); break;
      case 'f': g_string_append_c (text, '\f'); break;
      case 'n': g_string_append_c (text, '\n'); break;
      case 'r': g_string_append_c (text, '\r'); break;
      case 't': g_string_append_c (text, '\t'); break;
      case 'u': {
        char digits[5] = { 0 };
        strncpy (digits, p + 1, 4);
        g_string_append_unichar (text, g_ascii_strtoull (digits, NULL, 16));
        p += strlen (digits);
        break;
      }
      default: g_string_append_c (text, *p);
    }
  }
  return g_string_free (text, FALSE);
}

char *
line_member (const char *line, const char *name)
{
  const char *p = skip_space (line);

  if (*p != '{')
    return NULL;
  p = skip_space (p + 1);
  while (*p == '"') {
    const char *key_end = skip_string (p), *value, *end;
    char *key;
    gboolean found;

    if (key_end == NULL)
      return NULL;
    key = unquote (p, key_end);
    found = strcmp (key, name) == 0;
    g_free (key);
    p = skip_space (key_end);
    if (*p != ':')
      return NULL;
    value = skip_space (p + 1);
    end = skip_value (value);
    if (end == NULL)
      return NULL;
    if (found)
      return *value == '"' ? unquote (value, skip_string (value)) : g_strchomp (g_strndup (value, end - value));
    p = skip_space (end);
    if (*p != ',')
      return NULL;
    p = skip_space (p + 1);
  }
  return NULL;
}

void
line_quote (GString *line, const char *text)
{
  g_string_append_c (line, '"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      g_string_append_c (line, '\\');
    if ((unsigned char) *text < 0x20)
      g_string_append_printf (line, "\\u%04x", *text);
    else
      g_string_append_c (line, *text);
  }
  g_string_append_c (line, '"');
}
