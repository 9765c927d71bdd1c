/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted peer: each request it reads, on whatever connection, gets the next step. */
#pragma once

#include "base/mem.h"
#include "base/num.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, REQUEST_MAX = 16 * 1024, HANG_MS = 20000 };

enum after { KEEP, CLOSE, WAIT };

struct step {
    const char *reply; /* NULL: nothing */
    enum after after;
};

struct peer {
    const struct step *steps;
    size_t step_count; /* the last one is repeated */
    int listen_fd;
    int port;
    pthread_t thread;
    pthread_t serving[CONNECTIONS_MAX];
    pthread_mutex_t lock; /* of last */
    char last[REQUEST_MAX];
    atomic_size_t accepted;
    atomic_size_t requests;
};

struct serving {
    struct peer *peer;
    int fd;
};

/* Whether text holds a head and the body its length names. */
static inline bool is_complete(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length: ");
    struct str digits;
    struct str rest;
    int64_t body = 0;

    if (end == NULL)
        return false;
    if (length != NULL && length < end) {
        (void)str_cut(str_from(length + strlen("\r\nContent-Length: ")), '\r', &digits, &rest);
        assert_true(num_parse_i64(digits, 0, REQUEST_MAX, &body));
    }
    return strlen(end + 4) >= (size_t)body;
}

static inline bool read_request(int fd, char *text)
{
    size_t have = 0;

    text[0] = '\0';
    while (!is_complete(text)) {
        const ssize_t got = recv(fd, text + have, REQUEST_MAX - have - 1, 0);

        if (got <= 0)
            return false;
        have += (size_t)got;
        text[have] = '\0';
    }
    return true;
}

static inline void *serve(void *arg)
{
    struct serving *s = arg;
    struct peer *peer = s->peer;
    enum after after = KEEP;
    char *text = mem_zalloc(REQUEST_MAX);
    char byte;

    while (after == KEEP && read_request(s->fd, text)) {
        const size_t n = atomic_fetch_add(&peer->requests, 1);
        const struct step *step = &peer->steps[n < peer->step_count ? n : peer->step_count - 1];

        (void)pthread_mutex_lock(&peer->lock);
        (void)memcpy(peer->last, text, REQUEST_MAX);
        (void)pthread_mutex_unlock(&peer->lock);
        if (step->reply != NULL)
            (void)send(s->fd, step->reply, strlen(step->reply), MSG_NOSIGNAL);
        after = step->after;
    }
    if (after == WAIT)
        (void)recv(s->fd, &byte, 1, 0);
    (void)close(s->fd);
    mem_free(text);
    mem_free(s);
    return NULL;
}

static inline void *accept_all(void *arg)
{
    struct peer *peer = arg;
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    int fd;

    while ((fd = accept4(peer->listen_fd, (struct sockaddr *)&from, &from_len, SOCK_CLOEXEC)) >=
           0) {
        struct serving *s = mem_alloc(sizeof(*s));

        assert_non_null(s);
        *s = (struct serving){peer, fd};
        assert_int_equal(
            pthread_create(&peer->serving[atomic_fetch_add(&peer->accepted, 1)], NULL, serve, s),
            0);
    }
    return NULL;
}

static inline int listen_any(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static inline void peer_start(struct peer *peer, const struct step *steps, size_t count)
{
    *peer = (struct peer){.steps = steps, .step_count = count};
    peer->listen_fd = listen_any(&peer->port);
    assert_int_equal(pthread_mutex_init(&peer->lock, NULL), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, accept_all, peer), 0);
}

/* After the clients were closed, or a connection that waits would never end. */
static inline void peer_stop(struct peer *peer)
{
    (void)shutdown(peer->listen_fd, SHUT_RDWR);
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    for (size_t i = 0; i < peer->accepted; i++)
        assert_int_equal(pthread_join(peer->serving[i], NULL), 0);
    (void)close(peer->listen_fd);
    (void)pthread_mutex_destroy(&peer->lock);
}
