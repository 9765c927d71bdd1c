/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals, and the duplicated descriptors that outlive them for a moment. */
#include "http/linger.h"

#include "base/mem.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINGER_MS = 2000,
    COUNT_MAX = 256,      /* more at once are closed as they are */
    READ_MAX = 16 * 1024, /* thrown away per turn */
    ANSWER_MAX = HTTP_REFUSAL_MAX + 1024,
};

struct held {
    TAILQ_ENTRY(held) link;
    struct http_linger *owner;
    struct deadline until;
    int fd;
};

TAILQ_HEAD(held_list, held);

struct http_linger {
    struct loop *loop;
    struct loop_timer timer;
    size_t count;
    struct held_list held; /* the oldest first */
};

static void release(struct held *held)
{
    struct http_linger *l = held->owner;

    TAILQ_REMOVE(&l->held, held, link);
    l->count--;
    loop_unwatch(l->loop, held->fd);
    (void)close(held->fd);
    mem_free(held);
}

static void on_timer(void *arg)
{
    struct http_linger *l = arg;
    struct held *first;

    while ((first = TAILQ_FIRST(&l->held)) != NULL && deadline_passed(first->until))
        release(first);
    if (first != NULL)
        loop_timer_set(l->loop, &l->timer, first->until);
}

static void on_readable(void *arg, uint32_t events)
{
    struct held *held = arg;
    char thrown_away[READ_MAX];

    (void)events;
    if (recv(held->fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT) <= 0)
        release(held);
}

static void hold(struct http_linger *l, int fd)
{
    struct held *held = mem_zalloc(sizeof(*held));
    struct err ignored;

    if (held == NULL)
        return;
    *held = (struct held){.owner = l, .until = deadline_in(LINGER_MS)};
    held->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (held->fd < 0) {
        mem_free(held);
        return;
    }
    TAILQ_INSERT_TAIL(&l->held, held, link);
    l->count++;
    if (loop_watch(l->loop, held->fd, EPOLLIN, on_readable, held, &ignored) != ST_OK)
        release(held);
    else if (TAILQ_FIRST(&l->held) == held)
        loop_timer_set(l->loop, &l->timer, held->until);
}

static const char *reason_text(int status)
{
    switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 413: return "Content Too Large";
    default: return "Service Unavailable";
    }
}

struct http_linger *http_linger_new(struct loop *loop)
{
    struct http_linger *l = mem_zalloc(sizeof(*l));

    if (l == NULL)
        return NULL;
    l->loop = loop;
    l->timer = (struct loop_timer){.fn = on_timer, .arg = l};
    TAILQ_INIT(&l->held);
    return l;
}

void http_linger_free(struct http_linger *l)
{
    struct held *first;

    if (l == NULL)
        return;
    while ((first = TAILQ_FIRST(&l->held)) != NULL)
        release(first);
    loop_timer_cancel(l->loop, &l->timer);
    mem_free(l);
}

static void add_date(struct buf *out)
{
    const time_t now = time(NULL);
    struct tm utc;
    char date[40];

    if (gmtime_r(&now, &utc) != NULL &&
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
        buf_addf(out, "Date: %s\r\n", date);
}

static void write_answer(const struct http_refusal *refusal, struct buf *out)
{
    const bool has_body = refusal->content_type != NULL && buf_ok(refusal->body);

    buf_addf(out, "HTTP/1.1 %d %s\r\n", refusal->status, reason_text(refusal->status));
    add_date(out);
    if (has_body)
        buf_addf(out, "Content-Type: %s\r\n", refusal->content_type);
    if (refusal->headers != NULL)
        buf_add_cstr(out, refusal->headers);
    if (refusal->status == 503)
        buf_add_cstr(out, "Retry-After: 1\r\n");
    buf_addf(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n",
             has_body ? refusal->body->len : 0);
    if (has_body)
        buf_add(out, buf_str(refusal->body));
}

void http_linger_refuse(struct http_linger *l, int fd, const struct http_refusal *refusal)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);

    write_answer(refusal, &text);
    /* The socket's buffer is empty: this is the first answer in it. */
    if (buf_ok(&text))
        (void)send(fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    if (l->count < COUNT_MAX)
        hold(l, fd);
}
