/* The peer protocol's lines: one flat JSON object each. */
#ifndef LINES_H
#define LINES_H

#include <glib.h>

/*
 * The value of a top-level member of a JSON object: the text of a string with its escapes resolved, the raw text of
 * anything else, NULL when there is no such member or the line is no object. Free with g_free.
 */
char *line_member (const char *line, const char *name);

/* Appends text as a JSON string with its quotes. */
void line_quote (GString *line, const char *text);

#endif
