/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A number is used again after its task has ended. So a task with the number that started
 * later than the named task is a stranger. An earlier start belongs to the same task: after
 * a restart the broker may know the start to 10 ms only, rounded down.
 *
 * Called by live_messages.c for each message about a task. Pure.
 */

#include "clients/cli/model/live_only.h"

/* A message about the task that has the number itself. */
static bool only_is_task(LiveOnly *only, uint64_t start_boot_ns) {
        if (start_boot_ns == 0)
                return only->later_ns == 0;
        if (only->start_boot_ns == 0)
                only->start_boot_ns = start_boot_ns;
        if (start_boot_ns <= only->start_boot_ns)
                return true;
        if (only->later_ns == 0)
                only->later_ns = start_boot_ns;
        return false;
}

/* A message about a thread of the process that has the number. */
static bool only_is_thread(const LiveOnly *only, uint64_t start_boot_ns) {
        return only->later_ns == 0 || (start_boot_ns > 0 && start_boot_ns < only->later_ns);
}

/**
 * live_only_set() - name tasks by numbers
 * @list:     output; no task has a number yet
 * @numbers:  the numbers
 * @n:        how many, at most LIVE_ONLY_MAX
 */
void live_only_set(LiveOnlyList *list, const uint32_t *numbers, size_t n) {
        *list = (LiveOnlyList){ .n = n };
        for (size_t i = 0; i < n; ++i)
                list->names[i].number = numbers[i];
}

/**
 * live_only_has() - whether the user named a task or its process
 * @list:           the names
 * @pid:            the process
 * @tid:            the task
 * @start_boot_ns:  the start of the task; 0: not known
 *
 * Return: Whether the task is wanted.
 */
bool live_only_has(LiveOnlyList *list, uint32_t pid, uint32_t tid, uint64_t start_boot_ns) {
        bool has = list->n == 0;

        for (size_t i = 0; i < list->n; ++i) {
                LiveOnly *only = list->names + i;

                if (only->number == tid)
                        has |= only_is_task(only, start_boot_ns);
                else if (only->number == pid)
                        has |= only_is_thread(only, start_boot_ns);
        }
        return has;
}
