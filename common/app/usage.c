/* SPDX-License-Identifier: Apache-2.0 */
/* Options as text for a terminal and for man(1). */
#include "app/usage.h"

enum { LEFT_SIZE = 24 };

static void add_name(struct buf *out, const struct usage_option *option)
{
    buf_addf(out, "--%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
}

void usage_line(struct buf *out, const struct usage_option *option)
{
    size_t begin = out->len;

    buf_add_cstr(out, "  ");
    add_name(out, option);
    do
        buf_add_char(out, ' ');
    while (buf_ok(out) && out->len - begin < LEFT_SIZE + 3);
    buf_addf(out, "%s\n", option->help);
}

/* Text that man(7) shows as it is: a line must not begin as a request does, and a bare '-' may be
 * shown as a hyphen that no option has. */
static void add_plain(struct buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        buf_add_cstr(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            buf_add_cstr(out, "\\e");
        else if (*text == '-')
            buf_add_cstr(out, "\\-");
        else
            buf_add_char(out, *text);
    }
}

static void add_line(struct buf *out, const char *before, const char *text)
{
    buf_add_cstr(out, before);
    add_plain(out, text);
    buf_add_char(out, '\n');
}

void usage_man_begin(struct buf *out, const char *name, int section, const char *purpose,
                     const char *synopsis)
{
    buf_addf(out, ".TH \"%s\" %d \"\" \"kabao %s\" \"kabao\"\n.SH NAME\n", name, section,
             KABAO_VERSION);
    add_plain(out, name);
    buf_add_cstr(out, " \\- ");
    add_plain(out, purpose);
    buf_add_cstr(out, "\n.SH SYNOPSIS\n");
    add_line(out, ".B ", name);
    add_line(out, "", synopsis);
}

void usage_man_section(struct buf *out, const char *title)
{
    add_line(out, ".SH ", title);
}

void usage_man_subsection(struct buf *out, const char *title)
{
    add_line(out, ".SS ", title);
}

void usage_man_text(struct buf *out, const char *text)
{
    add_line(out, ".PP\n", text);
}

void usage_man_option(struct buf *out, const struct usage_option *option)
{
    buf_add_cstr(out, ".TP\n.B \\-\\-");
    add_plain(out, option->name);
    if (option->argument) {
        buf_add_cstr(out, " \\fI");
        add_plain(out, option->argument);
        buf_add_cstr(out, "\\fR");
    }
    add_line(out, "\n", option->help);
}

void usage_man_term(struct buf *out, const char *term, const char *meaning)
{
    add_line(out, ".TP\n.B ", term);
    add_line(out, "", meaning);
}

void usage_man_end(struct buf *out)
{
    usage_man_section(out, "EXIT STATUS");
    usage_man_term(out, "0", "done");
    usage_man_term(out, "1", "ended at once by a second signal");
    usage_man_term(out, "64", "wrong options or words");
    usage_man_term(out, "70", "an error inside");
    usage_man_term(out, "75", "something is away for the moment; try again");
    usage_man_term(out, "78", "the settings, or what they name, must be mended first");
    usage_man_section(out, "FILES");
    usage_man_term(out, "/etc/kabao/kabao.ini",
                   "settings; --describe-config of any program lists them");
}
