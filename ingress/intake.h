/* SPDX-License-Identifier: Apache-2.0 */
/* What the feeds' records say to the tables that the API is answered from. */
#pragma once

#include "feed.h"
#include "outcomes.h"

/* The arg of every take. */
struct intake {
    const struct settings *settings;
    struct outcomes *commands;
    struct outcomes *scenes;
};

enum { INTAKE_COMMAND_SOURCES = 4, INTAKE_SCENE_SOURCES = 1 };

extern const struct feed_source INTAKE_COMMANDS[INTAKE_COMMAND_SOURCES];
extern const struct feed_source INTAKE_SCENES[INTAKE_SCENE_SOURCES];
