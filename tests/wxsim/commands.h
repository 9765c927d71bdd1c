/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of kabao-wxsim; each gets the arguments behind its name and returns the exit
 * status. */
#pragma once

int sim_serve(int argc, char **argv);
int sim_push(int argc, char **argv);
int sim_population(int argc, char **argv);
