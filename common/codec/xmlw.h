/* SPDX-License-Identifier: Apache-2.0 */
/* The XML writer for what WeChat takes and sends: elements and texts, no attributes. Names and
 * texts are UTF-8; failure shows in the buffer. */
#pragma once

#include "base/buf.h"

void xmlw_open(struct buf *out, struct str name);
void xmlw_close(struct buf *out, struct str name);
/* The text as a CDATA section, "]]>" split over two; what XML cannot hold (control characters,
 * U+FFFE, U+FFFF) is left out, carriage returns too: parsers would read line feeds. */
void xmlw_cdata(struct buf *out, struct str name, struct str text);
/* The text as characters with references, carriage returns among them: what an XML parser has read
 * it reads again. */
void xmlw_text(struct buf *out, struct str name, struct str text);
