/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the scenes of the last day: a table of outcomes by "<appid>:<scene>". A scene
 * waits (a running command), or has the record of its end: bound, code_sent, refused. In whatever
 * order the records come, the table ends the same. */
#pragma once

#include "model/binding.h"
#include "outcomes.h"

/* The longest life of a scene, and a little more: that it lapsed is to be told. */
enum { SCENES_WINDOW_S = 24 * 3600 + 600, SCENE_ID_SIZE = OUTCOME_ID_MAX + 1 };

/* Absent: no scene of an account is as long as that, or there is no account. */
struct str scenes_id(struct str appid, struct str scene, char out[SCENE_ID_SIZE]);

/* The type of the command that starts a scene like this one. */
struct str scenes_type(struct str scene);
bool scenes_is_start(struct str type);

struct scene_start {
    struct str appid;
    struct str scene;
    struct str expires_at; /* absent: known for the window */
};

/* It waits, unless its end is known. at_ms as in outcomes_saw_command, here and below. */
void scenes_saw_start(struct outcomes *scenes, const struct scene_start *start, int64_t at_ms);

/* A record of event.binding; value is its JSON. Scenes that nobody started and nobody is bound by
 * (posters, codes of strangers) are not kept. */
void scenes_saw(struct outcomes *scenes, const struct binding *b, struct str value, int64_t at_ms);
