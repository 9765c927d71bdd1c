/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted HTTP peer on a free loopback port: one answer per request, in order. */
#pragma once

#include "base/mem.h"
#include "base/str.h"
#include "http/client.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_REQUESTS_MAX = 8, PEER_REQUEST_SIZE = 8192 };

/* status 0: the connection is cut without an answer. */
struct peer_answer {
    int status;
    const char *body;
};

struct peer {
    int listener;
    char base_url[64];
    const struct peer_answer *answers;
    size_t answer_count;
    char requests[PEER_REQUESTS_MAX][PEER_REQUEST_SIZE];
    size_t request_count;
    pthread_t thread;
};

static inline size_t peer_body_length(const char *head)
{
    const char *line = strcasestr(head, "\r\nContent-Length:");
    size_t length = 0;

    for (const char *c = line != NULL ? line + 17 : ""; *c == ' ' || (*c >= '0' && *c <= '9'); c++)
        if (*c != ' ')
            length = length * 10 + (size_t)(*c - '0');
    return length;
}

/* One request, head and body; false at the end of the connection. */
static inline bool peer_read(int fd, char *out)
{
    size_t len = 0;

    for (;;) {
        const char *end = strstr(out, "\r\n\r\n");
        ssize_t got;

        if (end != NULL && len >= (size_t)(end - out) + 4 + peer_body_length(out))
            return true;
        got = len < PEER_REQUEST_SIZE - 1 ? read(fd, out + len, PEER_REQUEST_SIZE - 1 - len) : 0;
        if (got <= 0)
            return false;
        len += (size_t)got;
        out[len] = '\0';
    }
}

static inline void peer_write(int fd, const struct peer_answer *answer)
{
    char text[PEER_REQUEST_SIZE];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nContent-Type: text/plain\r\n\r\n%s",
                       answer->status, strlen(answer->body), answer->body);

    assert_true(len > 0 && (size_t)len < sizeof(text));
    (void)!write(fd, text, (size_t)len);
}

/* Whoever comes anew has done with the connection before. */
static inline bool peer_is_left(const struct peer *p, int fd)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = p->listener, .events = POLLIN}};

    return poll(fds, COUNT_OF(fds), -1) < 0 || !fds[0].revents;
}

static inline void peer_serve(struct peer *p, int fd)
{
    while (p->request_count < p->answer_count) {
        const struct peer_answer *answer = &p->answers[p->request_count];

        if (peer_is_left(p, fd) || !peer_read(fd, p->requests[p->request_count]))
            return;
        p->request_count++;
        if (answer->status == 0)
            return;
        peer_write(fd, answer);
    }
}

static inline void *peer_run(void *arg)
{
    struct peer *p = arg;

    while (p->request_count < p->answer_count) {
        int fd = accept(p->listener, NULL, NULL);

        if (fd < 0)
            break;
        peer_serve(p, fd);
        (void)close(fd);
    }
    return NULL;
}

static inline void peer_start(struct peer *p, const struct peer_answer *answers, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);

    assert_true(count <= PEER_REQUESTS_MAX);
    *p = (struct peer){.answers = answers, .answer_count = count};
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(p->base_url, sizeof(p->base_url), "http://127.0.0.1:%d",
                   ntohs(address.sin_port));
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

/* Ends the thread even when answers are left over. */
static inline void peer_stop(struct peer *p)
{
    (void)shutdown(p->listener, SHUT_RDWR);
    (void)pthread_join(p->thread, NULL);
    (void)close(p->listener);
}

struct peer_client {
    struct http_share *share;
    struct http_client *http;
};

static inline void peer_client_open(struct peer_client *c)
{
    const struct http_client_conf conf = {.connect_timeout_ms = 2000};
    struct err err;

    c->share = http_share_new();
    assert_non_null(c->share);
    assert_int_equal(http_client_open(&conf, c->share, &c->http, &err), ST_OK);
}

static inline void peer_client_close(struct peer_client *c)
{
    http_client_close(c->http);
    http_share_free(c->share);
}
