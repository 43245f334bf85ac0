/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ProgramCharge: the memory of programs, charged to the users who run them. A user with many
 * long command lines leaves memory for the programs of all others.
 */

#include <stdbool.h>
#include <stddef.h>

#include "broker/model/program.h"
#include "broker/model/task.h"
#include "broker/policy/quota.h"

Program *program_new(ProgramState state, const char *cmdline, size_t n_cmdline, const char *exe, size_t n_exe,
                     const char *cgroup, size_t n_cgroup);
bool program_charge_reserve(Quota *quota, const Task *task, size_t n, Charge *ret_charge);
void program_charge_settle(Charge *charge, Program *program);
Program *program_free(Program *program);
