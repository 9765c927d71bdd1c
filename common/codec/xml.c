/* SPDX-License-Identifier: Apache-2.0 */
/* libxml2's SAX2 push parser behind callbacks that only take elements and text. Everything a
 * stranger could make expensive (DTD, entities, network, depth) is refused where it is met. */
#include "codec/xml.h"

#include "base/buf.h"
#include "codec/utf8.h"
#include "codec/xml_plain.h"

#include <libxml/parser.h>

#include <limits.h>
#include <pthread.h>
#include <string.h>

/* A push of WeChat has 8 to 20 elements. */
enum { FIRST_CAPACITY = 32 };

struct reader {
    xmlParserCtxtPtr parser;
    struct arena *arena;
    struct xml xml;
    int capacity;
    int current;      /* the open element, -1 outside the root */
    struct buf text;  /* of the open element, as long as it has no children */
    const char *code; /* of the first refusal, NULL while all is well */
    const char *detail;
    bool no_memory;
};

static void refuse(struct reader *r, const char *code, const char *detail)
{
    if (!r->code && !r->no_memory) {
        r->code = code;
        r->detail = detail;
    }
    xmlStopParser(r->parser);
}

static void give_up(struct reader *r)
{
    r->no_memory = true;
    xmlStopParser(r->parser);
}

static struct str text_of(const xmlChar *text)
{
    return str_from((const char *)text);
}

/* libxml2 has switched to a declared encoding by now, before it read any of the content. */
static void on_document(void *context)
{
    struct reader *r = context;
    const xmlChar *declared = r->parser->encoding;

    if (!declared && r->parser->input)
        declared = r->parser->input->encoding;
    if (declared && !str_ieq(text_of(declared), STR("utf-8")) &&
        !str_ieq(text_of(declared), STR("utf8")))
        refuse(r, "xml:utf8", "encoding other than UTF-8");
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    (void)name;
    (void)public_id;
    (void)system_id;
    refuse(context, "xml:dtd", "document type declaration");
}

static bool reserve_element(struct reader *r)
{
    int capacity = r->capacity == 0 ? FIRST_CAPACITY : r->capacity * 2;
    struct xml_element *larger;

    if (r->xml.count < r->capacity)
        return true;
    larger = arena_alloc(r->arena, (size_t)capacity * sizeof(*larger));
    if (!larger)
        return false;
    if (r->xml.count > 0)
        memcpy(larger, r->xml.elements, (size_t)r->xml.count * sizeof(*larger));
    r->xml.elements = larger;
    r->capacity = capacity;
    return true;
}

static struct str qualified_name(struct reader *r, struct str local, struct str prefix)
{
    if (str_is_empty(prefix))
        return arena_dup(r->arena, local);
    return arena_printf(r->arena, "%.*s:%.*s", STR_ARG(prefix), STR_ARG(local));
}

static bool add_element(struct reader *r, struct str local, struct str prefix, int depth)
{
    struct xml_element *element;

    if (!reserve_element(r))
        return false;
    element = &r->xml.elements[r->xml.count];
    *element = (struct xml_element){.text = STR(""), .parent = r->current, .depth = depth};
    element->name = qualified_name(r, local, prefix);
    if (!str_is_set(element->name))
        return false;
    if (r->current >= 0)
        r->xml.elements[r->current].has_children = true;
    r->current = r->xml.count++;
    buf_clear(&r->text);
    return true;
}

/* The signature is libxml2's (startElementNsSAX2Func). NOLINTNEXTLINE(readability-function-size) */
static void on_start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int defaulted_count, const xmlChar **attributes)
{
    struct reader *r = context;
    int depth = r->current < 0 ? 0 : r->xml.elements[r->current].depth + 1;

    (void)uri;
    (void)namespace_count;
    (void)namespaces;
    (void)attribute_count;
    (void)defaulted_count;
    (void)attributes;
    if (text_of(local).len + text_of(prefix).len >= XML_NAME_MAX)
        refuse(r, "xml:syntax", "element name too long");
    else if (depth > XML_DEPTH_MAX)
        refuse(r, "xml:depth", "nested too deep");
    else if (r->xml.count >= XML_ELEMENTS_MAX)
        refuse(r, "xml:elements", "too many elements");
    else if (!add_element(r, text_of(local), text_of(prefix), depth))
        give_up(r);
}

static void on_end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct reader *r = context;
    struct xml_element *element;

    (void)local;
    (void)prefix;
    (void)uri;
    if (r->current < 0)
        return;
    element = &r->xml.elements[r->current];
    if (!element->has_children) {
        element->text = arena_dup(r->arena, str_trim(buf_str(&r->text)));
        if (!buf_ok(&r->text) || !str_is_set(element->text))
            give_up(r);
    }
    r->current = element->parent;
}

/* Comes in any number of pieces, CDATA sections and character references among them. */
static void on_text(void *context, const xmlChar *text, int len)
{
    struct reader *r = context;

    if (r->current >= 0 && !r->xml.elements[r->current].has_children)
        buf_add(&r->text, str_of(text, (size_t)len));
}

/* Set so that libxml2 prints nothing: the verdict is read from the parser at the end. */
static void on_error(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error;
}

static void init_library(void)
{
    xmlInitParser();
}

/* Without getEntity only the five predefined entities exist; any other is an error. */
static xmlParserCtxtPtr open_parser(struct reader *r)
{
    /* libxml2 wants its global tables made by one thread before others parse. */
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startDocument = on_document,
        .internalSubset = on_doctype,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
        .serror = on_error,
    };
    xmlParserCtxtPtr parser;

    (void)pthread_once(&once, init_library);
    parser = xmlCreatePushParserCtxt(&handler, r, NULL, 0, NULL);
    if (parser)
        (void)xmlCtxtUseOptions(parser, XML_PARSE_NONET);
    return parser;
}

static void parser_freep(xmlParserCtxtPtr *parser)
{
    if (*parser)
        xmlFreeParserCtxt(*parser);
}

static void reader_done(struct reader *r)
{
    buf_done(&r->text);
}

static enum status verdict(const struct reader *r, struct err *err)
{
    if (r->no_memory)
        return err_retry(err, "memory", "no memory for the elements of an XML document");
    if (r->code)
        return err_reject(err, REASON_MALFORMED, r->code, "XML: %s", r->detail);
    if (!r->parser->wellFormed || r->xml.count == 0)
        return err_reject(err, REASON_MALFORMED, "xml:syntax", "XML: not well-formed");
    return ST_OK;
}

/* What holds for every document, and room for the elements of most. */
static enum status prepare(struct reader *r, struct str text, struct arena *arena, struct err *err)
{
    *r = (struct reader){.arena = arena, .current = -1, .text = BUF_INIT(text.len + 1)};
    if (!utf8_valid(text))
        return err_reject(err, REASON_MALFORMED, "xml:utf8", "XML: not UTF-8");
    if (text.len == 0 || text.len > INT_MAX || memchr(text.ptr, '\0', text.len))
        return err_reject(err, REASON_MALFORMED, "xml:syntax", "XML: empty, too long or with NUL");
    if (!reserve_element(r))
        return err_retry(err, "memory", "no memory for the elements of an XML document");
    return ST_OK;
}

static enum status read_document(struct reader *r, struct str text, struct xml *out,
                                 struct err *err)
{
    AUTO(parser_freep) xmlParserCtxtPtr parser = open_parser(r);
    enum status rc;

    if (!parser)
        return err_retry(err, "memory", "no memory for an XML parser");
    r->parser = parser;
    (void)xmlParseChunk(parser, text.ptr, (int)text.len, 1);
    rc = verdict(r, err);
    if (rc == ST_OK)
        *out = r->xml;
    return rc;
}

enum status xml_parse_libxml2(struct str text, struct arena *arena, struct xml *out,
                              struct err *err)
{
    AUTO(reader_done) struct reader r = {0};
    enum status rc = prepare(&r, text, arena, err);

    return rc == ST_OK ? read_document(&r, text, out, err) : rc;
}

enum status xml_parse(struct str text, struct arena *arena, struct xml *out, struct err *err)
{
    AUTO(reader_done) struct reader r = {0};
    enum status rc = prepare(&r, text, arena, err);
    int count;

    if (rc != ST_OK)
        return rc;
    count = xml_plain_scan(text, r.xml.elements, r.capacity);
    if (count == 0)
        return read_document(&r, text, out, err);
    *out = (struct xml){.elements = r.xml.elements, .count = count};
    return ST_OK;
}

struct str xml_child(const struct xml *xml, const char *name)
{
    for (int i = 1; i < xml->count; i++)
        if (xml->elements[i].parent == 0 && str_eq_cstr(xml->elements[i].name, name))
            return xml->elements[i].text;
    return str_from(NULL);
}
