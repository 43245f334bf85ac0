/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names of users.
 *
 * getpwuid() may ask a directory server, which may take seconds. So each user is looked up
 * once in the life of the program, and the result is kept, also if there is no name. A
 * program that prints once waits for the answer. A screen or a stream must not: there a
 * thread looks up, and the number is shown until the name has come.
 *
 * The thread is made at the first look-up, and is the only caller of getpwuid() then. It
 * ends with the program. An entry is never moved or freed.
 */

#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/base/users.h"

#define NS_PER_S UINT64_C(1000000000)

/*
 * In a second, so much is waited for answers of the thread. Most machines answer within
 * microseconds, and the first line shall have a name there.
 */
#define USERS_WAIT_NS UINT64_C(100000000)

#define USERS_BUCKETS_MIN 64u

struct UsersEntry {
        uint32_t uid;
        char number[11];
        _Atomic(char *) name;           /* NULL: not looked up yet; set once */
        UsersEntry *next_same_bucket;
        UsersEntry *next_asked;         /* under the lock of the helper */
};

struct UsersHelper {
        pthread_mutex_t lock;
        pthread_cond_t asked, answered;
        UsersEntry *first, *last;       /* entries to look up */
};

/*
 * The name of a user as views show it; the number if there is no name. A space would look like the end of
 * the column: it is escaped too. NULL: there is too little memory.
 */
static char *users_look_up(uint32_t uid) {
        char escaped[TEXT_ESCAPED_MAX(USERS_NAME_MAX)], name[USERS_NAME_MAX], number[11];
        const struct passwd *user = getpwuid((uid_t)uid);
        size_t n = 0;

        if (!user || !*user->pw_name) {
                snprintf(number, sizeof(number), "%" PRIu32, uid);
                return strdup(number);
        }

        text_escape(escaped, sizeof(escaped), user->pw_name, TEXT_FOR_TERMINAL);
        for (size_t i = 0; escaped[i] && n + 5 < sizeof(name); ++i) {
                if (escaped[i] == ' ')
                        n += (size_t)(stpcpy(name + n, "\\x20") - (name + n));
                else
                        name[n++] = escaped[i];
        }
        name[n] = 0;
        text_fit(escaped, USERS_NAME_MAX, name, USERS_NAME_COLUMNS, TEXT_LINE);

        return strdup(escaped);
}

static void users_answer(UsersEntry *entry) {
        char *name = users_look_up(entry->uid);

        atomic_store_explicit(&entry->name, name ? name : entry->number, memory_order_release);
}

/* The name, if it has come. */
static const char *users_known(UsersEntry *entry) {
        return atomic_load_explicit(&entry->name, memory_order_acquire);
}

/* The thread. */
static void *users_help(void *closure) {
        UsersHelper *helper = closure;

        pthread_mutex_lock(&helper->lock);
        for (;;) {
                UsersEntry *entry = helper->first;

                if (!entry) {
                        pthread_cond_wait(&helper->asked, &helper->lock);
                        continue;
                }
                helper->first = entry->next_asked;
                pthread_mutex_unlock(&helper->lock);
                users_answer(entry);
                pthread_mutex_lock(&helper->lock);
                pthread_cond_signal(&helper->answered);
        }

        return NULL;
}

/* Makes the thread. It takes no signals, which are for the loop of the program. NULL: it cannot be made. */
static UsersHelper *users_make_helper(void) {
        UsersHelper *helper = calloc(1, sizeof(*helper));
        sigset_t all, before;
        pthread_condattr_t monotonic;
        pthread_t thread;
        int r;

        if (!helper)
                return NULL;

        pthread_mutex_init(&helper->lock, NULL);
        pthread_cond_init(&helper->asked, NULL);
        /* A step of the wall clock must not prolong the wait. */
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&helper->answered, &monotonic);
        pthread_condattr_destroy(&monotonic);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, NULL, users_help, helper);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r == 0) {
                pthread_detach(thread);
                return helper;
        }

        free(helper);
        return NULL;
}

/* Waits for the answer, as long as the time for this second lasts. The lock is held. */
static void users_wait(Users *users, UsersEntry *entry) {
        uint64_t began = clock_now_ns(), until;
        struct timespec deadline;
        int r = 0;

        if (began - users->wait_began_ns >= NS_PER_S) {
                users->wait_began_ns = began;
                users->waited_ns = 0;
        }
        if (users->waited_ns >= USERS_WAIT_NS)
                return;

        until = began + USERS_WAIT_NS - users->waited_ns;
        deadline = (struct timespec){ .tv_sec = (time_t)(until / NS_PER_S), .tv_nsec = (long)(until % NS_PER_S) };
        while (r == 0 && !users_known(entry))
                r = pthread_cond_timedwait(&users->helper->answered, &users->helper->lock, &deadline);
        users->waited_ns += clock_now_ns() - began;
}

static void users_ask(Users *users, UsersEntry *entry) {
        UsersHelper *helper;

        if (users->background && !users->helper)
                users->helper = users_make_helper();
        helper = users->helper;
        if (!helper) {
                users_answer(entry);
                return;
        }

        pthread_mutex_lock(&helper->lock);
        if (helper->first)
                helper->last->next_asked = entry;
        else
                helper->first = entry;
        helper->last = entry;
        pthread_cond_signal(&helper->asked);
        users_wait(users, entry);
        pthread_mutex_unlock(&helper->lock);
}

static UsersEntry **users_bucket(UsersEntry **buckets, size_t n_buckets, uint32_t uid) {
        return buckets + (uid * UINT32_C(2654435761)) % n_buckets;
}

/* Makes room for one more entry. Returns false if there is too little memory for any. */
static bool users_reserve(Users *users) {
        size_t n_buckets = users->n_buckets ? 2 * users->n_buckets : USERS_BUCKETS_MIN;
        UsersEntry **buckets, **bucket;

        if (users->n_entries < users->n_buckets)
                return true;
        buckets = calloc(n_buckets, sizeof(*buckets));
        if (!buckets)
                return users->n_buckets > 0;

        for (size_t i = 0; i < users->n_buckets; ++i)
                for (UsersEntry *entry = users->buckets[i], *next; entry; entry = next) {
                        next = entry->next_same_bucket;
                        bucket = users_bucket(buckets, n_buckets, entry->uid);
                        entry->next_same_bucket = *bucket;
                        *bucket = entry;
                }
        free(users->buckets);
        users->buckets = buckets;
        users->n_buckets = n_buckets;
        return true;
}

static UsersEntry *users_find(const Users *users, uint32_t uid) {
        UsersEntry *entry = users->n_buckets ? *users_bucket(users->buckets, users->n_buckets, uid) : NULL;

        while (entry && entry->uid != uid)
                entry = entry->next_same_bucket;

        return entry;
}

static UsersEntry *users_add(Users *users, uint32_t uid) {
        UsersEntry *entry, **bucket;

        if (!users_reserve(users))
                return NULL;
        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return NULL;

        entry->uid = uid;
        snprintf(entry->number, sizeof(entry->number), "%" PRIu32, uid);
        bucket = users_bucket(users->buckets, users->n_buckets, uid);
        entry->next_same_bucket = *bucket;
        *bucket = entry;
        ++users->n_entries;
        return entry;
}

/**
 * users_name() - look up the name of a user
 * @users:      the names
 * @uid:        the user
 *
 * Return: The name, escaped for a terminal and without spaces; the number if there is no
 *         name, or none yet, or if only numbers are wanted. It is valid as long as the
 *         program runs.
 */
const char *users_name(Users *users, uint32_t uid) {
        UsersEntry *entry = users_find(users, uid);
        const char *name;

        if (!entry) {
                entry = users_add(users, uid);
                if (!entry)
                        return "?";
                if (!users->numeric)
                        users_ask(users, entry);
        }
        name = users_known(entry);

        return name ? name : entry->number;
}

/* Compares two users as they are shown: by name, or by number. */
int users_compare(Users *users, uint32_t a, uint32_t b) {
        return users->numeric ? (a > b) - (a < b) : strcmp(users_name(users, a), users_name(users, b));
}
