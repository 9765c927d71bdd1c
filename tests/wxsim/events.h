/* SPDX-License-Identifier: Apache-2.0 */
/* Every push of wechat-api 2.2 to 2.5 with elements as the platform sends them. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct sim_element {
    const char
        *path; /* "CardId", "ScanCodeInfo/ScanType"; "List#2/TemplateId" is in a second List */
    const char *value; /* "$code" and the like stand for what the push is about, see push_xml.h */
    bool bare;         /* a number, without CDATA */
};

/* How the official samples space their elements. */
enum sim_spacing {
    SIM_TIGHT,  /* <A><![CDATA[x]]></A> */
    SIM_BLANKS, /* <A> <![CDATA[x]]> </A> */
    SIM_LINES,  /* a line break around every text */
};

struct sim_event {
    const char *name; /* on the command line: the event's own, "message.text" for messages */
    const char *msg_type;
    const char *event; /* NULL for messages */
    const struct sim_element *elements;
    size_t element_count;
    enum sim_spacing spacing;
};

extern const struct sim_event SIM_EVENTS[];
extern const size_t SIM_EVENT_COUNT;

const struct sim_event *sim_event_find(struct str name); /* NULL: not listed */
