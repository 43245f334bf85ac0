/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pattern is a chain of elements, each of which consumes one byte of a name. The state
 * of a match is the set of elements that may be next, as bits of one word. A byte moves
 * all of them at once: one AND, one shift, and the bits that stay because of a '*'. Short
 * patterns share a word.
 *
 * A bracket expression that the C library ends at different places for different bytes
 * has a jump for each end that is not the next element. Such patterns are mistakes, but
 * the work for them is bounded and counted too.
 *
 * The results of the latest names are kept: most events of a storm have the same name.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/policy/filter_bracket.h"
#include "broker/policy/filter_glob.h"

typedef struct GlobJump GlobJump;
typedef struct GlobPattern GlobPattern;
typedef struct GlobWord GlobWord;

/* Names whose results are kept; a power of two. */
#define GLOB_RECENT 32u

#define OFFSETS (FILTER_GLOB_BYTES_MAX + 1)

struct GlobJump {
        uint64_t from, to;      /* each one bit */
        uint64_t bytes[4];      /* the bytes that take it */
        size_t next;            /* the word's next jump; 0: none */
};

struct GlobWord {
        size_t n;               /* bits in use */
        uint64_t first, last;   /* the bits of a match's begin, and of its end */
        uint64_t stay;          /* bits behind a '*' */
        uint64_t jumps;         /* bits that have a jump */
        size_t first_jump;      /* counted from 1; 0: none */
        uint64_t step[256];     /* for each byte, the bits that it moves on */
};

/* A pattern as a graph. Its states are offsets, in rising order. */
struct GlobPattern {
        size_t n;
        uint8_t number[OFFSETS];                /* by offset: the number of the state */
        bool reached[OFFSETS];
        uint8_t next[OFFSETS][256];             /* by offset: the offset after a byte; 0: no match */
        uint64_t stay, last;                    /* by number */
};

struct FilterGlob {
        size_t n_words, n_jumps;
        struct {
                uint64_t name[2];
                bool known, matches;
        } recent[GLOB_RECENT];
        GlobJump *jumps;
        GlobWord words[];
};

/* Sets the successors of an offset, whose element is at @at. */
static void pattern_set_next(GlobPattern *made, const char *pattern, size_t offset, size_t at) {
        uint8_t *next = made->next[offset];
        uint8_t c = (uint8_t)pattern[at];

        if (c == '[') {
                filter_bracket_read(pattern, at, next);
                return;
        }
        memset(next, c == '?' ? (int)at + 1 : 0, 256);
        if (c == '?')
                return;
        if (c != '\\')
                next[c] = (uint8_t)(at + 1);
        else if (pattern[at + 1])
                next[(uint8_t)pattern[at + 1]] = (uint8_t)(at + 2);
}

static void pattern_read(GlobPattern *made, const char *pattern) {
        made->n = 0;
        made->stay = made->last = 0;
        memset(made->reached, 0, sizeof(made->reached));
        made->reached[0] = true;
        for (size_t offset = 0; offset <= strlen(pattern); ++offset) {
                size_t at = offset + strspn(pattern + offset, "*");

                if (!made->reached[offset])
                        continue;
                made->stay |= (uint64_t)(at > offset) << made->n;
                made->last |= (uint64_t)(pattern[at] == 0) << made->n;
                made->number[offset] = (uint8_t)made->n++;
                memset(made->next[offset], 0, sizeof(made->next[offset]));
                if (pattern[at])
                        pattern_set_next(made, pattern, offset, at);
                for (size_t c = 1; c < 256; ++c)
                        if (made->next[offset][c])
                                made->reached[made->next[offset][c]] = true;
        }
}

/* A word with room for @n bits; NULL: no memory. */
static GlobWord *glob_find_word(FilterGlob **glob, size_t n) {
        FilterGlob *grown;

        for (size_t i = 0; i < (*glob)->n_words; ++i)
                if ((*glob)->words[i].n + n <= 64)
                        return &(*glob)->words[i];
        grown = memory_alloc_optional(*glob, sizeof(*grown) + ((*glob)->n_words + 1) * sizeof(GlobWord));
        if (!grown)
                return NULL;
        *glob = grown;
        grown->words[grown->n_words] = (GlobWord){};
        return &grown->words[grown->n_words++];
}

/* Lets a byte move the bit @from to the bit @to. */
static bool glob_add_jump(FilterGlob *glob, GlobWord *word, uint64_t from, uint64_t to, size_t c) {
        GlobJump *jumps;
        size_t i = word->first_jump;

        while (i > 0 && (glob->jumps[i - 1].from != from || glob->jumps[i - 1].to != to))
                i = glob->jumps[i - 1].next;
        if (i == 0) {
                jumps = memory_alloc_optional(glob->jumps, (glob->n_jumps + 1) * sizeof(*jumps));
                if (!jumps)
                        return false;
                glob->jumps = jumps;
                jumps[glob->n_jumps++] = (GlobJump){ .next = word->first_jump, .from = from, .to = to };
                word->first_jump = i = glob->n_jumps;
                word->jumps |= from;
        }
        glob->jumps[i - 1].bytes[c / 64] |= 1ull << (c % 64);
        return true;
}

/* Adds the successors of the state at an offset, whose bit is @bit. */
static bool glob_add_state(FilterGlob *glob, GlobWord *word, const GlobPattern *made, size_t offset, unsigned int bit) {
        for (size_t c = 1; c < 256; ++c) {
                uint8_t next = made->next[offset][c];
                unsigned int to;

                if (next == 0)
                        continue;
                to = bit - made->number[offset] + made->number[next];
                if (to == bit + 1)
                        word->step[c] |= 1ull << bit;
                else if (!glob_add_jump(glob, word, 1ull << bit, 1ull << to, c))
                        return false;
        }
        return true;
}

/**
 * filter_glob_new() - begin without patterns
 *
 * Return: An empty set, which no name matches; NULL: no memory.
 */
FilterGlob *filter_glob_new(void) {
        FilterGlob *glob = memory_alloc_optional(NULL, sizeof(*glob));

        if (glob)
                *glob = (FilterGlob){};
        return glob;
}

/**
 * filter_glob_free() - free the patterns
 * @glob:  the patterns, or NULL
 *
 * Return: NULL.
 */
FilterGlob *filter_glob_free(FilterGlob *glob) {
        if (glob)
                free(glob->jumps);
        free(glob);
        return NULL;
}

/**
 * filter_glob_add() - add a pattern
 * @glob:     the patterns; may move
 * @pattern:  a pattern of at most FILTER_GLOB_BYTES_MAX bytes
 *
 * Return: Whether there was memory for it.
 */
bool filter_glob_add(FilterGlob **glob, const char *pattern) {
        GlobPattern *made = memory_alloc_optional(NULL, sizeof(*made));
        unsigned int bit;
        GlobWord *word;
        bool added;

        assert(strlen(pattern) <= FILTER_GLOB_BYTES_MAX);
        if (!made)
                return false;
        pattern_read(made, pattern);
        word = glob_find_word(glob, made->n);
        added = word;
        bit = added ? (unsigned int)word->n : 0;
        if (added) {
                word->n += made->n;
                word->first |= 1ull << bit;
                word->stay |= made->stay << bit;
                word->last |= made->last << bit;
        }
        for (size_t offset = 0; offset < OFFSETS && added; ++offset)
                if (made->reached[offset])
                        added = glob_add_state(*glob, word, made, offset, bit + made->number[offset]);
        free(made);
        return added;
}

/* The memory that the patterns take. */
size_t filter_glob_size(const FilterGlob *glob) {
        return sizeof(*glob) + glob->n_words * sizeof(GlobWord) + glob->n_jumps * sizeof(GlobJump);
}

/* The most work for one name. */
uint64_t filter_glob_steps_max(const FilterGlob *glob) {
        return 1 + glob->n_words * COMM_SIZE + glob->n_jumps * (COMM_SIZE - 1);
}

/* Whether a bracket expression ends at different places for different bytes. */
bool filter_glob_is_odd(const FilterGlob *glob) {
        return glob->n_jumps > 0;
}

static uint64_t glob_jump(const FilterGlob *glob, const GlobWord *word, uint64_t state, uint8_t c,
                          uint64_t *n_steps) {
        uint64_t to = 0;

        for (size_t i = word->first_jump; i > 0; i = glob->jumps[i - 1].next) {
                const GlobJump *jump = &glob->jumps[i - 1];

                ++*n_steps;
                if ((state & jump->from) && jump->bytes[c / 64] >> (c % 64) & 1)
                        to |= jump->to;
        }
        return to;
}

static bool glob_match_word(const FilterGlob *glob, const GlobWord *word, const uint8_t *name, uint64_t *n_steps) {
        uint64_t state = word->first;
        size_t i = 0;

        for (; name[i] && state; ++i) {
                uint64_t before = state;

                state = (state & word->step[name[i]]) << 1 | (state & word->stay);
                if (before & word->jumps)
                        state |= glob_jump(glob, word, before, name[i], n_steps);
        }
        *n_steps += 1 + i;
        return state & word->last;
}

/**
 * filter_glob_match() - whether a name matches one of the patterns
 * @glob:     the patterns
 * @name:     the name, less than COMM_SIZE bytes
 * @n_steps:  the work is added: a word of patterns and a byte of the name are one step
 */
bool filter_glob_match(FilterGlob *glob, const char *name, uint64_t *n_steps) {
        uint64_t key[2] = {}, hash;
        bool matches = false;

        _Static_assert(COMM_SIZE == sizeof(key), "a name and its NUL are two words");
        memcpy(key, name, strnlen(name, COMM_SIZE - 1));
        hash = ((key[0] ^ key[1] >> 32 ^ key[1] << 32) * 0x9e3779b97f4a7c15u) >> 32 & (GLOB_RECENT - 1);
        ++*n_steps;
        if (glob->recent[hash].known && glob->recent[hash].name[0] == key[0] && glob->recent[hash].name[1] == key[1])
                return glob->recent[hash].matches;
        for (size_t i = 0; i < glob->n_words && !matches; ++i)
                matches = glob_match_word(glob, &glob->words[i], (const uint8_t *)key, n_steps);
        glob->recent[hash].name[0] = key[0];
        glob->recent[hash].name[1] = key[1];
        glob->recent[hash].known = true;
        glob->recent[hash].matches = matches;
        return matches;
}
