/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Owners of subordinate ids: by a table of files, and by random files, each compared with a map that has every id. */

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/subuid.h"
#include "tests/unit/harness.h"

static const char passwd[] =
        "root:x:0:0:root:/root:/bin/sh\n"
        "alice:x:1000:1000::/home/alice:/bin/sh\n"
        "bob:x:1001:1001::/home/bob:/bin/sh\n"
        "broken:x:\n"
        "carol:x:1002:1002::/home/carol:/bin/sh";

static void read_map(SubuidMap *map, const Tree *tree, const char *text, int r) {
        char path[128], passwd_path[128];

        tree_write_text(tree, "subuid", text);
        tree_write_text(tree, "passwd", passwd);
        snprintf(path, sizeof(path), "%s/subuid", tree->path);
        snprintf(passwd_path, sizeof(passwd_path), "%s/passwd", tree->path);
        assert(subuid_map_read(map, path, passwd_path) == r);
}

static void test_table(void) {
        static const struct {
                const char *text;
                size_t n, n_ignored;
                struct {
                        uid_t uid, owner;
                } expected[6];
        } table[] = {
                { "", 0, 0, { { 1000, 1000 }, { 100000, 100000 } } },
                { "alice:100000:65536\nbob:165536:65536\n", 2, 0,
                  { { 99999, 99999 }, { 100000, 1000 }, { 165535, 1000 }, { 165536, 1001 }, { 231071, 1001 },
                    { 231072, 231072 } } },
                /* by number, without the last newline, in any order, two ranges of one owner */
                { "1002:300000:10\ncarol:100000:10", 2, 0, { { 300009, 1002 }, { 100000, 1002 }, { 300010, 300010 } } },
                /* comments, empty lines and lines that are not valid */
                { "# alice:1:2\n\nalice\nalice:\nalice:5\nalice:5:\n:5:5\nalice:-1:5\nalice:5:0\nalice:5: 5\n"
                  "alice:5:5:5\nalice:0x10:5\nalice:99999999999:5\n"
                  "alice:4294967290:100\nalice:5:4294967295\nalice:100000:1\n",
                  1, 13, { { 100000, 1000 }, { 5, 5 }, { 4294967290u, 4294967290u } } },
                /* a name without a number, and root: the ranges count as one user, which is not root */
                { "nobody-has-this:500000:10\nnobody-has-this:400000:10\nroot:100000:10\n", 3, 0,
                  { { 500005, 400000 }, { 400009, 400000 }, { 100005, 100000 }, { 0, 0 } } },
                /* nobody owns root */
                { "alice:0:100000\n", 1, 0, { { 0, 0 }, { 1, 1000 }, { 99999, 1000 } } },
                { "alice:0:1\n", 0, 1, { { 0, 0 } } },
                /* the ranges overlap, or one has the other */
                { "bob:150:100\nalice:100:100\n", 2, 0,
                  { { 100, 1000 }, { 199, 1000 }, { 200, 1001 }, { 249, 1001 } } },
                { "alice:100:100\nbob:120:10\n", 1, 0, { { 119, 1000 }, { 125, 1000 }, { 130, 1000 } } },
                /* the owner of an owner; two users who own each other stay two */
                { "alice:1001:1\nbob:100000:10\n", 2, 0, { { 100000, 1000 }, { 1001, 1000 } } },
                { "alice:1001:1\nbob:1000:1\n", 2, 0, { { 1000, 1000 }, { 1001, 1001 } } },
                /* the last ids of all */
                { "alice:4294967290:5\n", 1, 0, { { 4294967294u, 1000 }, { 4294967289u, 4294967289u } } },
        };
        Tree tree = tree_new();

        for (size_t i = 0; i < ARRAY_SIZE(table); ++i) {
                SubuidMap map = SUBUID_MAP_NULL;

                read_map(&map, &tree, table[i].text, 0);
                assert(map.n == table[i].n && map.n_ignored == table[i].n_ignored);
                for (size_t k = 0; k < ARRAY_SIZE(table[i].expected); ++k)
                        assert(subuid_map_owner(&map, table[i].expected[k].uid) == table[i].expected[k].owner);
                subuid_map_deinit(&map);
        }
        tree_free(&tree);
}

/* A file that is gone leaves nothing of the former one; without a passwd file, names are not found. */
static void test_absent(void) {
        Tree tree = tree_new();
        SubuidMap map = SUBUID_MAP_NULL;
        char path[128];

        read_map(&map, &tree, "alice:100000:10\n", 0);
        assert(subuid_map_owner(&map, 100000) == 1000);
        snprintf(path, sizeof(path), "%s/subuid", tree.path);
        assert(subuid_map_read(&map, path, "/nonexistent") == 0);
        assert(subuid_map_owner(&map, 100005) == 100000);
        assert(subuid_map_read(&map, "/nonexistent", path) == SUBUID_E_UNREADABLE);
        assert(map.n == 0 && subuid_map_owner(&map, 100000) == 100000);
        assert(subuid_map_read(&map, tree.path, path) == SUBUID_E_UNREADABLE);
        subuid_map_deinit(&map);
        tree_free(&tree);
}

/* More than is read: the first lines count, and a line that the limit cuts does not. */
static void test_large(void) {
        static char text[2 * LIMIT_SUBUID_BYTES];
        Tree tree = tree_new();
        SubuidMap map = SUBUID_MAP_NULL;
        size_t n = 0;

        for (unsigned int i = 0; n < LIMIT_SUBUID_BYTES + 100; ++i)
                n += (size_t)sprintf(text + n, "1000:%u:1\n", 1000000 + 2 * i);
        read_map(&map, &tree, text, 0);
        assert(map.n == LIMIT_SUBUID_RANGES && map.n_ignored > 0);
        for (size_t i = 0; i < map.n; ++i)
                assert(map.ranges[i].first == 1000000 + 2 * i && map.ranges[i].first == map.ranges[i].last);
        /* one line of two megabytes */
        memset(text, '1', sizeof(text) - 1);
        read_map(&map, &tree, text, 0);
        assert(map.n == 0);
        subuid_map_deinit(&map);
        tree_free(&tree);
}

/* Random lines below a thousand ids: an id has the owner of one of the ranges that contain it. */
static void test_random(uint64_t seed) {
        Tree tree = tree_new();
        uint64_t state = seed;

        for (int round = 0; round < 50; ++round) {
                struct {
                        uid_t first, last, owner;
                } lines[8];
                SubuidMap map = SUBUID_MAP_NULL;
                char text[1024];
                size_t n = 0;

                for (size_t i = 0; i < ARRAY_SIZE(lines); ++i) {
                        lines[i].first = (uid_t)(1 + random_below(&state, 900));
                        lines[i].last = lines[i].first + (uid_t)random_below(&state, 100);
                        lines[i].owner = 5000 + (uid_t)random_below(&state, 4);
                        n += (size_t)sprintf(text + n, "%u:%u:%u\n", lines[i].owner, lines[i].first,
                                             lines[i].last - lines[i].first + 1);
                }
                read_map(&map, &tree, text, 0);
                for (size_t i = 1; i < map.n; ++i)
                        assert(map.ranges[i].first > map.ranges[i - 1].last);
                for (uid_t uid = 0; uid < 1100; ++uid) {
                        bool found = false, in_any = false;
                        uid_t owner = subuid_map_owner(&map, uid);

                        for (size_t i = 0; i < ARRAY_SIZE(lines); ++i) {
                                bool in = lines[i].first <= uid && uid <= lines[i].last;

                                in_any |= in;
                                found |= in && lines[i].owner == owner;
                        }
                        assert(in_any ? found : owner == uid);
                }
                subuid_map_deinit(&map);
        }
        tree_free(&tree);
}

int main(void) {
        test_table();
        test_absent();
        test_large();
        for (uint64_t seed = 1; seed <= 5; ++seed)
                test_random(seed);
        return 0;
}
