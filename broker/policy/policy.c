/* SPDX-License-Identifier: Apache-2.0 */

/*
 * No client learns here what /proc would have refused it. So a task is a client's own
 * where /proc would let the client look into it (broker/model/owner.c). A client knows of
 * all other tasks what every user can read in /proc. If /proc is mounted with hidepid, it
 * knows nothing of them.
 */

#include "broker/policy/policy.h"
#include "broker/model/owner.h"

/* The kernel's own number for "no such user". */
#define NOBODY_UID UINT32_MAX

/**
 * policy_rights() - make the rights of a client
 * @policy:       the rules of this machine
 * @credentials:  the client's
 *
 * Root of a user namespace is not root here, and root's tasks are not its own. The same goes
 * for root without the capabilities by which /proc shows root everything. The client's own
 * mount of /proc counts as the machine's does: the stricter of both. The admin group is a
 * grant of what /proc does not show, whatever it hides.
 */
Rights policy_rights(const Policy *policy, const Credentials *credentials) {
        Rights rights = { .uid = credentials->uid, .gid = credentials->gid, .exit_status = policy->shows_exit_status };

        if (!credentials->in_user_namespace &&
            ((credentials->uid == 0 && !credentials->lacks_capabilities) ||
             (policy->admin_group != POLICY_NO_GROUP && credentials_has_group(credentials, policy->admin_group))))
                return (Rights){ .all = true };
        if (credentials->uid == 0)
                rights.uid = NOBODY_UID;
        rights.others = !credentials->procfs_hides &&
                        (!policy->hides || (policy->exempt_group != POLICY_NO_GROUP &&
                                            credentials_has_group(credentials, policy->exempt_group)));
        return rights;
}

/* Whether the same applies. */
bool policy_equals(const Policy *a, const Policy *b) {
        return a->admin_group == b->admin_group && a->shows_exit_status == b->shows_exit_status &&
               a->hides == b->hides && a->exempt_group == b->exempt_group;
}

/* Whether two clients may know the same, and share feeds. */
bool rights_equal(const Rights *a, const Rights *b) {
        return a->all == b->all && a->others == b->others && a->exit_status == b->exit_status && a->uid == b->uid &&
               a->gid == b->gid;
}

/* The rights in a word, for the client. */
Access rights_access(const Rights *rights) {
        return rights->all ? ACCESS_ALL : rights->others ? ACCESS_OWN : ACCESS_OWN_ONLY;
}

/**
 * policy_view() - what a client may know of a task
 * @rights:  the client's
 * @owner:   the task's
 */
View policy_view(const Rights *rights, const Owner *owner) {
        if (rights->all)
                return VIEW_FULL;
        if (owner->claim >= OWNER_HIDDEN && owner->uid == rights->uid && owner->gid == rights->gid)
                return owner->claim == OWNER_SHOWN ? VIEW_FULL : VIEW_PUBLIC;
        return rights->others ? VIEW_PUBLIC : VIEW_NONE;
}

/**
 * policy_view_event() - what a client may know of an event
 * @rights:  the client's
 * @event:   the event
 *
 * Every client gets a loss. Its count would disclose tasks that are hidden from some
 * clients: the PUBLIC view is without it. A core dump discloses how a task ends.
 */
View policy_view_event(const Rights *rights, const Event *event) {
        View view;

        if (rights->all)
                return VIEW_FULL;
        if (event->kind == EVENT_LOSS)
                return rights->others ? VIEW_FULL : VIEW_PUBLIC;
        view = policy_view(rights, &event->owner);
        if (event_shows_status(event) && view == VIEW_PUBLIC && !rights->exit_status)
                return VIEW_NONE;
        return view;
}

/**
 * policy_view_task() - what a client may know of a task, and of what it runs
 * @rights:  the client's
 * @task:    the task
 */
View policy_view_task(const Rights *rights, const Task *task) {
        Owner owner;

        if (rights->all)
                return VIEW_FULL;
        owner = owner_of_task(task);
        return policy_view(rights, &owner);
}
