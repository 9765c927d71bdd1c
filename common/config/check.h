/* SPDX-License-Identifier: Apache-2.0 */
/* What the texts of settings must look like. Pure functions; an absent or empty text never fits. */
#pragma once

#include "base/str.h"

#include <stdbool.h>

bool check_account_name(struct str text); /* [a-z0-9]{1,32} */
bool check_command_name(struct str text); /* [a-z0-9._]{1,64} */
bool check_id(struct str text);           /* appid and the like: [A-Za-z0-9_-]{1,64} */
bool check_topic_prefix(struct str text); /* [A-Za-z0-9.-], no "_": Kafka confuses it with "." */
bool check_log_level(struct str text);
/* "127.0.0.1:8080", "localhost:0", "[::1]:8080". */
bool check_listen(struct str text);
/* https://host..., or http:// when the host is localhost, 127.0.0.0/8 or [::1]. */
bool check_url(struct str text);
/* "/card/code/get": letters, digits, "_", ".", "-" between single slashes, no query; 128 at most.
 */
bool check_api_path(struct str text);
/* "code", or "prefix:" and 1 to 8 of letters, digits, "_", "-": with the 12 digits of WeChat's own
 * codes that is the 20 which membership_number may have (wechat-api 4.3). */
bool check_membership_number(struct str text);
/* Words of [a-z0-9_.*] separated by blanks, one at least. */
bool check_event_types(struct str text);
/* Words separated by blanks, one at least: topic names ([a-zA-Z0-9._-], 249 at most each); hosts in
 * lower case or literal addresses (IPv6 in brackets), a port where it is not 443. */
bool check_topic_names(struct str text);
bool check_host_names(struct str text);
/* The beginning of scenes: 1 to 32 letters, digits, "_", ".", ":", "-". */
bool check_scene_prefix(struct str text);
/* Words of custom, template, subscribe, webhook, each once at most, one at least. */
bool check_channels(struct str text);
/* Numbers from 1 to 2147483647, without zeros in front, separated by blanks, one at least. */
bool check_error_codes(struct str text);
