/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The privileges after the drop are read from /proc/self/status and compared with the plan. */

#include "broker/daemon/privileges.h"
#include "tests/unit/harness.h"

#define NET_ADMIN 0x1000u

/* An extract of /proc/self/status. */
static const char text_good[] =
        "Name:\ttaskbrokerd\n"
        "Umask:\t0022\n"
        "Uid:\t998\t998\t998\t998\n"
        "Gid:\t997\t997\t997\t997\n"
        "Groups:\t \n"
        "CapInh:\t0000000000000000\n"
        "CapPrm:\t0000000000001000\n"
        "CapEff:\t0000000000001000\n"
        "CapBnd:\t0000000000000000\n"
        "CapAmb:\t0000000000000000\n"
        "NoNewPrivs:\t1\n"
        "Seccomp:\t0\n";

static const Privileges plan = {
        .required = true,
        .changes_user = true,
        .uid = 998,
        .gid = 997,
        .capabilities = NET_ADMIN,
        .empties_bounding = true,
};

static void test_parse(void) {
        char text[sizeof(text_good)];
        PrivilegesStatus status;

        assert(privileges_parse_status(&status, text_good));
        assert(status.uids[0] == 998 && status.uids[3] == 998 && status.gids[0] == 997 && status.gids[3] == 997);
        assert(status.permitted == NET_ADMIN && status.effective == NET_ADMIN);
        assert(status.inheritable == 0 && status.bounding == 0 && status.ambient == 0);
        assert(status.no_new_privs == 1);

        /* a text that is cut before the last value is refused */
        for (size_t n = 0; n < (size_t)(strstr(text_good, "1\nSeccomp") - text_good); ++n) {
                snprintf(text, sizeof(text), "%.*s", (int)n, text_good);
                assert(!privileges_parse_status(&status, text));
        }
}

static void test_compare(void) {
        PrivilegesStatus good, status;
        Privileges keeps_bounding = plan;

        assert(privileges_parse_status(&good, text_good));
        assert(!privileges_find_excess(&plan, &good));

        for (size_t i = 0; i < 4; ++i) {
                status = good;
                status.uids[i] = 0;
                assert(privileges_find_excess(&plan, &status));
                status = good;
                status.gids[i] = 0;
                assert(privileges_find_excess(&plan, &status));
        }
        status = good;
        status.permitted |= 1;
        assert(privileges_find_excess(&plan, &status));
        status = good;
        status.effective |= 1;
        assert(privileges_find_excess(&plan, &status));
        /* too few are refused too, because the broker would fail later */
        status = good;
        status.effective = 0;
        assert(privileges_find_excess(&plan, &status));
        status = good;
        status.inheritable = NET_ADMIN;
        assert(privileges_find_excess(&plan, &status));
        status = good;
        status.ambient = NET_ADMIN;
        assert(privileges_find_excess(&plan, &status));
        status = good;
        status.no_new_privs = 0;
        assert(privileges_find_excess(&plan, &status));
        status = good;
        status.bounding = 1;
        assert(privileges_find_excess(&plan, &status));
        /* without CAP_SETPCAP the bounding set stays; with no_new_privs that has no effect */
        keeps_bounding.empties_bounding = false;
        assert(!privileges_find_excess(&keeps_bounding, &status));
}

static void test_plan(void) {
        Options options = { .connector_fd = -1, .procfs = "/proc" };
        Privileges privileges;

        options.user = "nobody-has-this-name";
        assert(privileges_plan(&privileges, &options) == PRIVILEGES_E_REFUSED);

        /* if a test hands in the sources, the user stays */
        options.user = NULL;
        options.connector_fd = 3;
        assert(privileges_plan(&privileges, &options) == 0);
        assert(!privileges.required && !privileges.changes_user && privileges.uid == geteuid());
        assert((privileges.capabilities & ~(uint64_t)NET_ADMIN) == 0);

        if (geteuid() == 0) {
                options.user = "nobody";
                assert(privileges_plan(&privileges, &options) == 0);
                assert(privileges.changes_user && privileges.uid != 0 && privileges.gid != 0);
        }
}

int main(void) {
        test_parse();
        test_compare();
        test_plan();
        return 0;
}
