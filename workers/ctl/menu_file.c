/* SPDX-License-Identifier: Apache-2.0 */
#include "menu_file.h"

#include "app/app.h"
#include "base/file.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0644, INDENT = 2, QUESTION_SIZE = 256 };

/* Format */

static bool is_container(const struct json *value)
{
    return json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY);
}

static bool is_flat(const struct json *value)
{
    for (size_t i = 0; json_is(value, JSON_ARRAY) && i < json_len(value); i++)
        if (is_container(json_at(value, i)))
            return false;
    for (struct json_iter i = json_iter(value); json_next(&i);)
        if (is_container(i.value))
            return false;
    return true;
}

static void break_line(struct buf *out, int depth)
{
    buf_add_char(out, '\n');
    for (int i = 0; i < depth * INDENT; i++)
        buf_add_char(out, ' ');
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as json_parse lets a text be */
static void format(const struct json *value, int depth, struct buf *out)
{
    const bool is_list = json_is(value, JSON_ARRAY);
    bool first = true;

    if (is_flat(value)) {
        json_format(value, out);
        return;
    }
    buf_add_char(out, is_list ? '[' : '{');
    for (size_t i = 0; is_list && i < json_len(value); i++) {
        buf_add_cstr(out, i > 0 ? "," : "");
        break_line(out, depth + 1);
        format(json_at(value, i), depth + 1, out);
    }
    for (struct json_iter i = json_iter(value); json_next(&i); first = false) {
        struct jsonw key = {.out = out};

        buf_add_cstr(out, first ? "" : ",");
        break_line(out, depth + 1);
        jsonw_str(&key, i.key);
        buf_add_cstr(out, ": ");
        format(i.value, depth + 1, out);
    }
    break_line(out, depth);
    buf_add_char(out, is_list ? ']' : '}');
}

void menu_file_format(const struct json *value, struct buf *out)
{
    format(value, 0, out);
    buf_add_char(out, '\n');
}

/* Files */

int menu_file_ask(const struct ctl *ctl, const char *path)
{
    char question[QUESTION_SIZE];
    struct stat is;

    if (stat(path, &is) != 0 && errno == ENOENT)
        return EXIT_DONE;
    if (stat(path, &is) != 0 || !S_ISREG(is.st_mode)) {
        (void)fprintf(stderr, "kabaoctl: %s cannot be written: no plain file\n", path);
        return EXIT_USAGE;
    }
    (void)snprintf(question, sizeof(question), "%.200s is there. Overwrite it?", path);
    return ctl_confirm(ctl, question) ? EXIT_DONE : EXIT_USAGE;
}

enum status menu_file_put(const char *path, struct str text, struct err *err)
{
    char target[PATH_MAX]; /* behind symbolic links */
    char fresh[PATH_MAX + 8];
    bool good;
    int error;
    int fd;

    if (!realpath(path, target) && (errno != ENOENT || !str_copy(str_from(path), target, PATH_MAX)))
        return err_errno(err, ST_RETRY, errno, path);
    (void)snprintf(fresh, sizeof(fresh), "%s.XXXXXX", target);
    fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ST_RETRY, errno, path);
    good = file_write(fd, text) && fchmod(fd, MODE) == 0 && fsync(fd) == 0 &&
           rename(fresh, target) == 0;
    error = errno;
    (void)close(fd);
    if (good)
        return ST_OK;
    (void)unlink(fresh);
    return err_errno(err, ST_RETRY, error, path);
}
