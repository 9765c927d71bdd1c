/* SPDX-License-Identifier: Apache-2.0 */
/* One libcurl easy handle per client. What holds for every request is set once; what differs is set
 * anew each time, so that nothing of one request reaches the next. */
#include "http/client.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "http/address.h"
#include "http/form.h"
#include "http/url.h"

#include <curl/curl.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    REPLY_MAX_BYTES = 1024 * 1024,
    KEEP_MAX_BYTES = 64 * 1024, /* a larger reply buffer is not kept for the next request */
    HEADER_MAX_BYTES = 16 * 1024,
    RETRY_AFTER_MAX_S = 7 * 24 * 3600,
};

struct http_share {
    CURLSH *handle;
    pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
};

struct http_client {
    CURL *easy;
    struct buf reply;
    size_t max_reply_bytes; /* where the request does not say */
    bool over_limit;        /* the reply in hand is larger than reply.max */
    struct str literal;     /* of the guarded request in hand */
    bool kept_out;          /* it came to an address that is not public */
    atomic_bool cut;
    char why[CURL_ERROR_SIZE];
    int64_t connect_timeout_ms;
};

static void lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *arg)
{
    struct http_share *share = arg;

    (void)easy;
    (void)access;
    (void)pthread_mutex_lock(&share->locks[data]);
}

static void unlock(CURL *easy, curl_lock_data data, void *arg)
{
    struct http_share *share = arg;

    (void)easy;
    (void)pthread_mutex_unlock(&share->locks[data]);
}

static bool share_setup(struct http_share *share)
{
    return curl_share_setopt(share->handle, CURLSHOPT_LOCKFUNC, lock) == CURLSHE_OK &&
           curl_share_setopt(share->handle, CURLSHOPT_UNLOCKFUNC, unlock) == CURLSHE_OK &&
           curl_share_setopt(share->handle, CURLSHOPT_USERDATA, share) == CURLSHE_OK &&
           curl_share_setopt(share->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
           curl_share_setopt(share->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
               CURLSHE_OK;
}

struct http_share *http_share_new(void)
{
    struct http_share *share;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    share = mem_zalloc(sizeof(*share));
    if (share == NULL) {
        curl_global_cleanup();
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(share->locks); i++)
        (void)pthread_mutex_init(&share->locks[i], NULL);
    share->handle = curl_share_init();
    if (share->handle == NULL || !share_setup(share)) {
        http_share_free(share);
        return NULL;
    }
    return share;
}

void http_share_free(struct http_share *share)
{
    if (share == NULL)
        return;
    if (share->handle != NULL)
        (void)curl_share_cleanup(share->handle);
    for (size_t i = 0; i < COUNT_OF(share->locks); i++)
        (void)pthread_mutex_destroy(&share->locks[i]);
    mem_free(share);
    curl_global_cleanup();
}

static size_t on_body(char *part, size_t size, size_t count, void *arg)
{
    struct http_client *c = arg;
    const struct str bytes = str_of(part, size * count);

    c->over_limit = bytes.len > c->reply.max - c->reply.len;
    buf_add(&c->reply, bytes);
    return buf_ok(&c->reply) ? bytes.len : 0;
}

/* Guarded requests only. This is the address that connect() gets: no name is looked up after it. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_client *c = arg;

    if (purpose != CURLSOCKTYPE_IPCXN ||
        (!http_address_is_public(&address->addr) && !http_address_is(&address->addr, c->literal))) {
        c->kept_out = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct http_client *c = arg;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return atomic_load(&c->cut) ? 1 : 0;
}

/* What holds for every request. The codes are or-ed: CURLE_OK is 0. */
static bool set_fixed(struct http_client *c, const struct http_client_conf *conf,
                      struct http_share *share)
{
    CURL *easy = c->easy;
    const char *agent = conf->user_agent != NULL ? conf->user_agent : "kabao/" KABAO_VERSION;
    unsigned rc = 0;

    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    rc |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    /* A resolver that hangs must not hold the lane beyond its deadline. */
    rc |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_USERAGENT, agent);
    rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->why);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    rc |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, c);
    rc |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    if (conf->ca_file != NULL)
        rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file);
    if (share != NULL)
        rc |= curl_easy_setopt(easy, CURLOPT_SHARE, share->handle);
    return rc == CURLE_OK;
}

enum status http_client_open(const struct http_client_conf *conf, struct http_share *share,
                             struct http_client **out, struct err *err)
{
    struct http_client *c;

    if (conf->ca_file != NULL && access(conf->ca_file, R_OK) != 0)
        return err_errno(err, ST_FATAL, errno, conf->ca_file);
    c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return err_fatal(err, "memory", "no memory for an HTTP client");
    c->connect_timeout_ms = conf->connect_timeout_ms;
    c->max_reply_bytes = conf->max_reply_bytes > 0 ? conf->max_reply_bytes : REPLY_MAX_BYTES;
    c->easy = curl_easy_init();
    if (c->easy == NULL || !set_fixed(c, conf, share)) {
        http_client_close(c);
        return err_fatal(err, "http:option", "libcurl refuses an option of the HTTP client");
    }
    *out = c;
    return ST_OK;
}

void http_client_close(struct http_client *c)
{
    if (c == NULL)
        return;
    if (c->easy != NULL)
        curl_easy_cleanup(c->easy);
    buf_done(&c->reply);
    mem_free(c);
}

bool http_client_sent_nothing(const struct err *err)
{
    static const char *const codes[] = {"http:connect", "http:tls", "http:url", "http:header",
                                        "http:fetch"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}

void http_client_cut(struct http_client *c)
{
    atomic_store(&c->cut, true);
}

void http_client_uncut(struct http_client *c)
{
    atomic_store(&c->cut, false);
}

/* A line break or NUL in a header would be a second header. */
static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0')
            return false;
    return true;
}

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

/* libcurl takes "Name: value", "Name;" for an empty value and "Name:" to leave one of its own out.
 */
static bool append_header(struct curl_slist **list, struct str name, struct str value)
{
    AUTO(buf_done) struct buf line = BUF_INIT(HEADER_MAX_BYTES);

    buf_add(&line, name);
    buf_add_cstr(&line, value.len > 0 ? ": " : ";");
    buf_add(&line, value);
    return buf_ok(&line) && append(list, line.ptr);
}

static enum status make_headers(const struct http_request *r, struct curl_slist **list,
                                struct err *err)
{
    bool ok = append(list, "Expect:");

    if (r->content_type != NULL)
        ok = ok && append_header(list, STR("Content-Type"), str_from(r->content_type));
    else if (r->file == NULL)
        ok = ok && append(list, "Content-Type:");
    for (size_t i = 0; i < r->header_count; i++) {
        const struct header *h = &r->headers[i];

        if (str_is_empty(h->name) || !is_one_line(h->name) || !is_one_line(h->value) ||
            h->name.len + h->value.len > HEADER_MAX_BYTES / 2)
            return err_reject(err, REASON_REJECTED, "http:header", "a header that cannot be sent");
        ok = ok && append_header(list, h->name, h->value);
    }
    return ok ? ST_OK : err_retry(err, "memory", "no memory for a request");
}

static unsigned set_method(CURL *easy, const struct http_request *r, curl_mime *form)
{
    const bool plain = strcmp(r->method, "GET") == 0 && r->body.len == 0;
    const bool head = strcmp(r->method, "HEAD") == 0;
    unsigned rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);

    if (head)
        return rc | curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    /* Also ends what an earlier HEAD or POST left behind. */
    rc |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (form != NULL)
        return rc | curl_easy_setopt(easy, CURLOPT_MIMEPOST, form);
    if (plain)
        return rc;
    rc |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.ptr != NULL ? r->body.ptr : "");
    if (strcmp(r->method, "POST") != 0)
        rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    return rc;
}

static long curl_ms(int64_t ms)
{
    return ms > INT_MAX ? 0L : (long)ms; /* 0 = no limit */
}

/* What lives as long as one request. */
struct sending {
    struct curl_slist *headers;
    curl_mime *mime;
    struct http_form form;
};

/* The handle must not keep pointers to what dies here. */
static void forget(struct http_client *c, struct sending *s)
{
    (void)curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(c->easy, CURLOPT_MIMEPOST, NULL);
    c->literal = (struct str){0};
    curl_mime_free(s->mime);
    curl_slist_free_all(s->headers);
}

static bool set_request(struct http_client *c, const struct http_request *r,
                        const struct sending *s, int64_t left_ms)
{
    const bool via_proxy = !r->guarded && !url_is_loopback_http(str_from(r->url));
    const bool apart = r->guarded || r->once;
    const int64_t connect_ms = c->connect_timeout_ms > 0 && c->connect_timeout_ms < left_ms
                                   ? c->connect_timeout_ms
                                   : left_ms;
    unsigned rc = set_method(c->easy, r, s->mime);

    rc |= curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
    rc |= curl_easy_setopt(c->easy, CURLOPT_PROXY, via_proxy ? NULL : "");
    rc |= curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, s->headers);
    rc |= curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, curl_ms(left_ms));
    rc |= curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, curl_ms(connect_ms));
    rc |= curl_easy_setopt(c->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)c->reply.max);
    rc |= curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, apart ? 1L : 0L);
    rc |= curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, r->guarded ? 1L : 0L);
    rc |= curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, r->guarded ? on_socket : NULL);
    return rc == CURLE_OK;
}

/* Delta seconds or a date; -1 when missing or neither. */
static int64_t retry_after_s(CURL *easy)
{
    struct curl_header *header;
    int64_t seconds;
    time_t at;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    if (num_parse_i64(str_trim(str_from(header->value)), 0, INT64_MAX, &seconds))
        return seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
    at = curl_getdate(header->value, NULL);
    if (at == (time_t)-1)
        return -1;
    seconds = (int64_t)at - clock_wall_ms() / 1000;
    if (seconds < 0)
        return 0;
    return seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
}

/* Not even on a kept connection that died, after which libcurl tried a new one. */
static bool was_nothing_sent(CURL *easy)
{
    long request_bytes = -1;

    return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes) == CURLE_OK &&
           request_bytes == 0;
}

static const char *code_of(CURL *easy, CURLcode rc)
{
    static const struct {
        CURLcode rc;
        bool always; /* else only while nothing was sent */
        const char *code;
    } rows[] = {
        {CURLE_ABORTED_BY_CALLBACK, true, "http:cut"},
        {CURLE_OUT_OF_MEMORY, true, "memory"},
        {CURLE_COULDNT_RESOLVE_HOST, false, "http:connect"},
        {CURLE_COULDNT_RESOLVE_PROXY, false, "http:connect"},
        {CURLE_COULDNT_CONNECT, false, "http:connect"},
        {CURLE_PROXY, false, "http:connect"},
        {CURLE_SSL_CONNECT_ERROR, false, "http:tls"},
        {CURLE_PEER_FAILED_VERIFICATION, false, "http:tls"},
        {CURLE_SSL_CERTPROBLEM, false, "http:tls"},
        {CURLE_SSL_CIPHER, false, "http:tls"},
        {CURLE_SSL_CACERT_BADFILE, false, "http:tls"},
        {CURLE_SSL_ISSUER_ERROR, false, "http:tls"},
        {CURLE_SSL_ENGINE_INITFAILED, false, "http:tls"},
    };

    const bool nothing_sent = was_nothing_sent(easy);

    if (rc == CURLE_OPERATION_TIMEDOUT)
        return nothing_sent ? "http:connect" : "http:timeout";
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].rc == rc)
            return nothing_sent || rows[i].always ? rows[i].code : "http:proto";
    return "http:proto";
}

static enum status fail(const struct http_client *c, const struct http_request *r, CURLcode rc,
                        struct err *err)
{
    const struct str url = url_without_query(str_from(r->url));
    /* That one text may repeat a proxy's address with its password. */
    const bool told = c->why[0] != '\0' && rc != CURLE_COULDNT_RESOLVE_PROXY;

    if (rc == CURLE_URL_MALFORMAT)
        return err_reject(err, REASON_REJECTED, "http:url", "%.*s: not an address", STR_ARG(url));
    if (c->kept_out && rc == CURLE_COULDNT_CONNECT)
        return err_reject(err, REASON_REJECTED, "http:address", "%s %.*s: not a public address",
                          r->method, STR_ARG(url));
    if (rc == CURLE_FILESIZE_EXCEEDED || c->over_limit)
        return err_reject(err, REASON_REJECTED, "http:size", "%s %.*s: reply over %zu bytes",
                          r->method, STR_ARG(url), c->reply.max);
    if (rc == CURLE_WRITE_ERROR)
        return err_retry(err, "memory", "no memory for a reply");
    return err_retry(err, code_of(c->easy, rc), "%s %.*s: %s", r->method, STR_ARG(url),
                     told ? c->why : curl_easy_strerror(rc));
}

static enum status judge(const struct http_request *r, const struct http_reply *reply,
                         struct err *err)
{
    const struct str url = url_without_query(str_from(r->url));
    const int status = reply->status;
    char code[24];

    if (status >= 200 && status <= 299)
        return ST_OK;
    (void)snprintf(code, sizeof(code), "http:%d", status);
    if (status != 408 && status != 429 && status < 500)
        return err_reject(err, REASON_REJECTED, code, "%s %.*s: HTTP %d", r->method, STR_ARG(url),
                          status);
    (void)err_retry(err, code, "%s %.*s: HTTP %d", r->method, STR_ARG(url), status);
    if (reply->retry_after_s >= 0)
        err->until = deadline_in(reply->retry_after_s * 1000);
    return ST_RETRY;
}

static enum status read_reply(const struct http_client *c, const struct http_request *r,
                              struct arena *arena, struct http_reply *out, struct err *err)
{
    struct http_reply reply = {.retry_after_s = retry_after_s(c->easy)};
    char *content_type = NULL;
    long status = 0;

    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &content_type);
    reply.status = (int)status;
    reply.body = arena_dup(arena, buf_str(&c->reply));
    reply.content_type = arena_dup(arena, str_from(content_type));
    if (!str_is_set(reply.body) || (content_type != NULL && !str_is_set(reply.content_type)))
        return err_retry(err, "memory", "no memory for a reply of %zu bytes", c->reply.len);
    *out = reply;
    return judge(r, &reply, err);
}

static bool is_allowed(const char *url)
{
    const struct str https = STR("https://");

    return str_ieq(str_limit(str_from(url), https.len), https) ||
           url_is_loopback_http(str_from(url));
}

static void begin(struct http_client *c, const struct http_request *r)
{
    if (c->reply.size > KEEP_MAX_BYTES)
        buf_done(&c->reply);
    buf_clear(&c->reply);
    c->reply.max = r->max_reply_bytes > 0 ? r->max_reply_bytes : c->max_reply_bytes;
    c->over_limit = false;
    c->kept_out = false;
    c->literal = r->literal;
    c->why[0] = '\0';
}

static enum status make(struct http_client *c, const struct http_request *r, struct sending *s,
                        struct err *err)
{
    enum status rc = make_headers(r, &s->headers, err);

    if (rc != ST_OK || r->file == NULL)
        return rc;
    s->mime = http_form_new(c->easy, r->file, &s->form);
    return s->mime != NULL ? ST_OK : err_retry(err, "memory", "no memory for a form");
}

/* What a server says of its own trouble counts, however large the page it says it on. */
static bool is_large_error_page(const struct http_client *c, CURLcode done)
{
    long status = 0;

    return (done == CURLE_FILESIZE_EXCEEDED || c->over_limit) &&
           curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status > 299;
}

static enum status perform(struct http_client *c, const struct http_request *r,
                           const struct sending *s, int64_t left_ms, struct err *err)
{
    CURLcode done;

    if (atomic_load(&c->cut))
        return err_retry(err, "http:cut", "the client is cut off");
    if (left_ms == 0)
        return err_retry(err, "http:connect", "no time left for the request");
    begin(c, r);
    if (!set_request(c, r, s, left_ms))
        return err_retry(err, "memory", "libcurl does not take the request");
    done = curl_easy_perform(c->easy);
    if (is_large_error_page(c, done)) {
        buf_clear(&c->reply);
        return ST_OK;
    }
    return done == CURLE_OK ? ST_OK : fail(c, r, done, err);
}

enum status http_client_send(struct http_client *c, const struct http_request *request,
                             struct deadline until, struct arena *arena, struct http_reply *out,
                             struct err *err)
{
    struct sending sending = {0};
    const int64_t left_ms = deadline_left_ms(until);
    enum status rc;

    if (!is_allowed(request->url))
        return err_reject(err, REASON_REJECTED, "http:url", "%.*s: neither https nor loopback http",
                          STR_ARG(url_without_query(str_from(request->url))));
    rc = make(c, request, &sending, err);
    if (rc == ST_OK)
        rc = perform(c, request, &sending, left_ms, err);
    if (rc == ST_OK)
        rc = read_reply(c, request, arena, out, err);
    forget(c, &sending);
    return rc;
}
