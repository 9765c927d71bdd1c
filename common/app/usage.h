/* SPDX-License-Identifier: Apache-2.0 */
/* One row for an option, shown as a line of --help and in the manual page (man(7)). */
#pragma once

#include "base/buf.h"

struct usage_option {
    const char *name;
    const char *argument; /* NULL: a switch */
    const char *help;
};

/* "  --name ARGUMENT   help" and a newline. */
void usage_line(struct buf *out, const struct usage_option *option);

/* The page's head, its NAME and SYNOPSIS; synopsis: what follows the name. */
void usage_man_begin(struct buf *out, const char *name, int section, const char *purpose,
                     const char *synopsis);
void usage_man_section(struct buf *out, const char *title);
void usage_man_subsection(struct buf *out, const char *title);
void usage_man_text(struct buf *out, const char *text); /* a paragraph */
void usage_man_option(struct buf *out, const struct usage_option *option);
/* A term and what it means: an exit code, a file. */
void usage_man_term(struct buf *out, const char *term, const char *meaning);
/* EXIT STATUS as all programs have it (design 11), and FILES. */
void usage_man_end(struct buf *out);
