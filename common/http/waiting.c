/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues per list, because a client that is gone shall not hold its connection to the end. */
#include "http/waiting.h"

#include "base/num.h"

#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { LOOK_MS = 1000 };

void http_waiting_init(struct http_waiting *list, int64_t limit_ms)
{
    TAILQ_INIT(&list->fresh);
    TAILQ_INIT(&list->late);
    list->look_ms = limit_ms / 2 < LOOK_MS ? limit_ms / 2 : LOOK_MS;
    list->limit_ms = limit_ms;
}

static void append(struct http_waiting_queue *queue, struct http_waiting_link *link)
{
    http_waiting_remove(link);
    link->queue = queue;
    TAILQ_INSERT_TAIL(queue, link, place);
}

void http_waiting_add(struct http_waiting *list, struct http_waiting_link *link, int64_t now_ms)
{
    link->since_ms = now_ms;
    append(&list->fresh, link);
}

void http_waiting_remove(struct http_waiting_link *link)
{
    if (link->queue != NULL)
        TAILQ_REMOVE(link->queue, link, place);
    link->queue = NULL;
}

static int64_t first_due_ms(const struct http_waiting_queue *queue, int64_t limit_ms)
{
    const struct http_waiting_link *first = TAILQ_FIRST(queue);

    return first != NULL ? num_add_i64(first->since_ms, limit_ms) : INT64_MAX;
}

int64_t http_waiting_due_ms(const struct http_waiting *list)
{
    const int64_t fresh_ms = first_due_ms(&list->fresh, list->look_ms);
    const int64_t late_ms = first_due_ms(&list->late, list->limit_ms);

    return fresh_ms < late_ms ? fresh_ms : late_ms;
}

static bool is_gone(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    int unread = 0;

    return poll(&end, 1, 0) == 1 && ioctl(fd, FIONREAD, &unread) == 0 && unread == 0;
}

struct http_waiting_link *http_waiting_take(struct http_waiting *list, int64_t now_ms, bool *gone)
{
    struct http_waiting_link *link;

    while (first_due_ms(&list->fresh, list->look_ms) <= now_ms) {
        link = TAILQ_FIRST(&list->fresh);
        append(&list->late, link);
        *gone = is_gone(link->fd);
        if (*gone) {
            http_waiting_remove(link);
            return link;
        }
    }
    if (first_due_ms(&list->late, list->limit_ms) > now_ms)
        return NULL;
    link = TAILQ_FIRST(&list->late);
    http_waiting_remove(link);
    *gone = false;
    return link;
}

static void shut(const struct http_waiting_queue *queue)
{
    const struct http_waiting_link *link;

    TAILQ_FOREACH(link, queue, place)
    {
        (void)shutdown(link->fd, SHUT_RD);
    }
}

void http_waiting_shut(const struct http_waiting *list)
{
    shut(&list->fresh);
    shut(&list->late);
}
