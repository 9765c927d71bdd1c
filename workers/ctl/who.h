/* SPDX-License-Identifier: Apache-2.0 */
/* Whose work this is, for what is written down about it. */
#pragma once

enum { USER_SIZE = 64 };

void who_am_i(char user[USER_SIZE]); /* "?": this user has no name */
