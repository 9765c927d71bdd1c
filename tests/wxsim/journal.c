/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/journal.h"

#include "base/hex.h"
#include "base/mem.h"
#include "codec/crypto.h"
#include "codec/utf8.h"
#include "http/url.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 * 1024 * 1024, FILE_MODE = 0644 };

struct sim_journal {
    int fd; /* -1: nothing is kept */
    struct buf line;
};

enum status sim_journal_open(const char *path, struct sim_journal **out, struct err *err)
{
    AUTO(sim_journal_closep) struct sim_journal *j = mem_zalloc(sizeof(*j));

    if (j == NULL)
        return err_fatal(err, "memory", "no memory for the request log");
    j->line = (struct buf)BUF_INIT(LINE_MAX_BYTES);
    j->fd = -1;
    if (path != NULL)
        j->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, FILE_MODE);
    if (path != NULL && j->fd < 0)
        return err_errno(err, ST_FATAL, errno, path);
    *out = TAKE(j);
    return ST_OK;
}

void sim_journal_close(struct sim_journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    buf_done(&j->line);
    mem_free(j);
}

static bool is_secret(struct str name)
{
    static const char *const secrets[] = {"secret", "appsecret", "access_token", "refresh_token"};

    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        if (str_eq_cstr(name, secrets[i]))
            return true;
    return false;
}

/* What a client wrote may be anything. */
static void write_text(struct jsonw *w, const char *name, struct str text)
{
    if (utf8_valid(text))
        jsonw_key_str(w, name, text);
}

/* A file by its name, size and hash. */
static void write_parts(const struct sim_form_data *form, struct jsonw *w)
{
    jsonw_key(w, STR("parts"));
    jsonw_array(w);
    for (size_t i = 0; i < form->count; i++) {
        const struct sim_part *part = &form->parts[i];
        uint8_t hash[SHA256_LEN];
        char text[2 * SHA256_LEN + 1];

        sha256(part->bytes, hash);
        hex_format(hash, sizeof(hash), text);
        jsonw_object(w);
        write_text(w, "name", part->name);
        write_text(w, "filename", part->filename);
        write_text(w, "content_type", part->content_type);
        jsonw_key_i64(w, "bytes", (int64_t)part->bytes.len);
        jsonw_key_str(w, "sha256", str_from(text));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

/* Secrets of the calls stand on the first level. */
static void write_body(const struct sim_call *call, struct jsonw *w)
{
    if (str_is_empty(call->request.body))
        return;
    if (!json_is(call->body, JSON_OBJECT)) {
        jsonw_key_i64(w, "body_bytes", (int64_t)call->request.body.len);
        if (call->form.count > 0)
            write_parts(&call->form, w);
        return;
    }
    jsonw_key(w, STR("body"));
    jsonw_object(w);
    for (struct json_iter i = json_iter(call->body); json_next(&i);) {
        AUTO(buf_done) struct buf value = BUF_INIT(LINE_MAX_BYTES);

        jsonw_key(w, i.key);
        if (is_secret(i.key)) {
            jsonw_str(w, STR("***"));
            continue;
        }
        json_format(i.value, &value);
        jsonw_raw(w, buf_str(&value));
    }
    jsonw_object_end(w);
}

static void write_query(const struct sim_call *call, struct jsonw *w)
{
    struct str rest = call->request.query;
    struct str param;

    if (str_is_empty(rest))
        return;
    jsonw_key(w, STR("query"));
    jsonw_object(w);
    while (str_cut(rest, '&', &param, &rest)) {
        struct str name;
        struct str value;

        (void)str_cut(param, '=', &name, &value);
        name = url_decode(name, true, call->request.arena);
        value = url_decode(value, true, call->request.arena);
        if (str_is_empty(name))
            continue;
        jsonw_key(w, name);
        jsonw_str(w, is_secret(name) ? STR("***") : value);
    }
    jsonw_object_end(w);
}

static void write_outcome(const struct sim_call *call, const struct sim_action *action, int status,
                          struct jsonw *w)
{
    jsonw_key_i64(w, "status", status);
    jsonw_key(w, STR("errcode"));
    if (status == 200 && action->fault <= SIM_ERRCODE)
        jsonw_i64(w, call->errcode);
    else
        jsonw_null(w);
    jsonw_key_bool(w, "carried_out", call->carried_out);
    if (action->fault != SIM_NO_FAULT)
        jsonw_key_str(w, "fault", str_from(sim_fault_name(action->fault)));
    if (action->delay_ms > 0)
        jsonw_key_i64(w, "delay_ms", action->delay_ms);
}

static void write_line(const struct sim_journal *j)
{
    struct str rest = buf_str(&j->line);

    while (rest.len > 0) {
        const ssize_t written = write(j->fd, rest.ptr, rest.len);

        if (written < 0 && errno != EINTR)
            return;
        if (written > 0)
            rest = str_skip(rest, (size_t)written);
    }
}

void sim_journal_write(struct sim_journal *j, const struct sim_call *call, struct str method,
                       const struct sim_action *action, int status)
{
    struct jsonw w = {.out = &j->line};
    char time[CLOCK_RFC3339_SIZE];

    if (j->fd < 0)
        return;
    clock_format_rfc3339(call->now_ms, time);
    buf_clear(&j->line);
    jsonw_object(&w);
    jsonw_key_str(&w, "time", str_from(time));
    jsonw_key_str(&w, "method", method);
    jsonw_key_str(&w, "path", call->request.path);
    jsonw_key_str(&w, "appid", str_from(call->account != NULL ? call->account->appid : NULL));
    write_outcome(call, action, status, &w);
    write_text(&w, "traceparent", call->request.traceparent);
    write_query(call, &w);
    write_body(call, &w);
    jsonw_object_end(&w);
    buf_add_char(&j->line, '\n');
    if (buf_ok(&j->line))
        write_line(j);
}
