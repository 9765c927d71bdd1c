/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that wait for their client, each list for its own length of time: adding at the end
 * keeps it sorted by deadline. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct http_waiting_link;
TAILQ_HEAD(http_waiting_queue, http_waiting_link);

struct http_waiting {
    struct http_waiting_queue fresh; /* the longest waiting first */
    struct http_waiting_queue late;  /* looked after once, and its client was there */
    int64_t look_ms;
    int64_t limit_ms;
};

/* Embedded in what waits; zeroed but for fd = in no list. */
struct http_waiting_link {
    TAILQ_ENTRY(http_waiting_link) place;
    struct http_waiting_queue *queue;
    int64_t since_ms;
    int fd;
};

void http_waiting_init(struct http_waiting *list, int64_t limit_ms);
/* Moves it from the list it is in, if any, to the end of this one. */
void http_waiting_add(struct http_waiting *list, struct http_waiting_link *link, int64_t now_ms);
void http_waiting_remove(struct http_waiting_link *link);
/* When http_waiting_take is to be called; INT64_MAX while the list is empty. */
int64_t http_waiting_due_ms(const struct http_waiting *list);
/* Removes and returns one that waited too long, or (*gone) one whose client closed its side and has
 * nothing more to read: libmicrohttpd overlooks an end that comes together with the last bytes.
 * NULL when there is none. */
struct http_waiting_link *http_waiting_take(struct http_waiting *list, int64_t now_ms, bool *gone);
/* Ends the receiving side of all; they stay in the list. */
void http_waiting_shut(const struct http_waiting *list);
