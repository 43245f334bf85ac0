/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The largest size of a program is charged before the reading, so that no reading is for
 * nothing. Afterwards the charge is reduced to the real size. The real user of the process pays, as of the
 * reading, also if a child has the program later. A process whose ids are not known counts
 * with all others of that kind.
 *
 * A program that was not read has a cgroup at most. It is not charged: filters by cgroup need
 * it, and each process has one.
 */

#include <stdlib.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/tasks/program_charge.h"

#define UID_UNKNOWN ((uid_t)-1)

/**
 * program_new() - make a program that is charged to no user
 * @state:      its state
 * @cmdline:    the arguments, with their NULs
 * @n_cmdline:  their length
 * @exe:        the executable
 * @n_exe:      its length
 * @cgroup:     the cgroup
 * @n_cgroup:   its length
 *
 * Return: The program, of which the caller has the only use; NULL: there is no memory.
 */
Program *program_new(ProgramState state, const char *cmdline, size_t n_cmdline, const char *exe, size_t n_exe,
                     const char *cgroup, size_t n_cgroup) {
        Program *program = malloc(sizeof(*program) + n_cmdline + n_exe + n_cgroup + 1);

        if (!program)
                return NULL;
        *program = (Program){
                .n_users = 1,
                .state = (uint8_t)state,
                .n_cmdline = (uint16_t)n_cmdline,
                .n_exe = (uint16_t)n_exe,
                .n_cgroup = (uint16_t)n_cgroup,
        };
        memcpy(program->bytes, cmdline, n_cmdline);
        memcpy(program->bytes + n_cmdline, exe, n_exe);
        memcpy(program->bytes + n_cmdline + n_exe, cgroup, n_cgroup);
        program->bytes[n_cmdline + n_exe + n_cgroup] = 0;
        return program;
}

/**
 * program_charge_reserve() - charge a program that is to be read
 * @quota:       the quota; NULL: nothing is charged
 * @task:        a task of the process
 * @n:           the largest size of the program
 * @ret_charge:  output
 *
 * Return: Whether the user may have it.
 */
bool program_charge_reserve(Quota *quota, const Task *task, size_t n, Charge *ret_charge) {
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        Charge charge = CHARGE_NULL;
        QuotaUser *user;
        bool granted;

        *ret_charge = charge;
        if (!quota)
                return true;
        user = quota_user_get(quota, task->flags & TASK_UNKNOWN ? UID_UNKNOWN : task->ruid, now_ns);
        if (!user)
                return false;
        granted = charge_take(&charge, user, QUOTA_PROGRAMS, n) == 0;
        if (!granted && quota_user_is_to_be_logged(user, QUOTA_PROGRAMS, now_ns))
                log_notice("User %u has used up its quota of memory for command lines: further programs are left out.",
                           (unsigned int)user->uid);
        quota_user_unref(user);
        *ret_charge = charge;
        return granted;
}

/**
 * program_charge_settle() - hand a charge over to the program that it is for
 * @charge:   made by program_charge_reserve(); empty afterwards
 * @program:  the program, no larger than was reserved; returns the charge when it is freed
 */
void program_charge_settle(Charge *charge, Program *program) {
        if (!charge->user)
                return;
        (void)charge_resize(charge, program_size(program));
        program->payer = charge->user;
        *charge = (Charge)CHARGE_NULL;
}

/**
 * program_free() - free a program that no process has any more
 * @program:  the program, or NULL
 *
 * Return: NULL.
 */
Program *program_free(Program *program) {
        Charge charge = { .kind = QUOTA_PROGRAMS };

        if (!program)
                return NULL;
        charge.user = program->payer;
        charge.n = program_size(program);
        charge_return(&charge);
        free(program);
        return NULL;
}
