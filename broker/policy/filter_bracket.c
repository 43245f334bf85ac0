/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bracket expression is read once, for all bytes of a name at a time. Each item takes
 * the bytes that it matches out of the set of those that no item has matched yet.
 *
 * The C library reads the rest of an expression in another way after a match than before
 * it. So an odd expression ends at one place for some bytes and at another place for
 * others. Each byte has an end of its own here.
 */

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/policy/filter_bracket.h"

typedef struct Bracket Bracket;

/* No item begins here: the expression has no end, and its '[' is an ordinary byte. */
#define UNTERMINATED SIZE_MAX

typedef enum ItemEnd {
        ITEM_OK,
        ITEM_FAILS,             /* no byte that is left matches */
        ITEM_IS_LITERAL,        /* the '[' is an ordinary byte */
} ItemEnd;

struct Bracket {
        const char *pattern;
        size_t at;              /* the offset of its '[' */
        size_t i;               /* the next offset */
        uint8_t c;              /* the byte before that */
        bool negated;
        bool left[256];         /* bytes that no item has matched */
        uint8_t *next;          /* for each byte, the offset behind the expression; 0: no match */
};

static uint8_t bracket_read_byte(Bracket *bracket) {
        return bracket->c = (uint8_t)bracket->pattern[bracket->i++];
}

static bool is_class_byte(char c) {
        return c >= 'a' && c < 'z';
}

/* The offset behind "[:name:]", whose ':' is at @i; 0: it is no class. */
static size_t class_end(const char *pattern, size_t i) {
        do
                ++i;
        while (is_class_byte(pattern[i]));
        return pattern[i] == ':' && pattern[i + 1] == ']' ? i + 2 : 0;
}

/* The offset behind "[.x.]", whose first '.' is at @i; 0: it has no end. */
static size_t symbol_end(const char *pattern, size_t i) {
        while (pattern[++i])
                if (pattern[i] == '.' && pattern[i + 1] == ']')
                        return i + 2;
        return 0;
}

/* The offset behind "[=x=]", whose first '=' is at @i; 0: it is no such item. */
static size_t equivalence_end(const char *pattern, size_t i) {
        return pattern[i + 1] && pattern[i + 2] == '=' && pattern[i + 3] == ']' ? i + 4 : 0;
}

/* The offset behind the expression after a match; 0: nothing matches; UNTERMINATED. */
static size_t bracket_skip(const char *pattern, size_t i) {
        while (pattern[i] != ']') {
                size_t end;

                if (pattern[i] == 0)
                        return UNTERMINATED;
                if (pattern[i] == '\\') {
                        if (pattern[i + 1] == 0)
                                return 0;
                        i += 2;
                        continue;
                }
                if (pattern[i++] != '[')
                        continue;
                if (pattern[i] == ':') {
                        end = class_end(pattern, i);
                        i = end ? end : i;
                } else if (pattern[i] == '=' || pattern[i] == '.') {
                        i = pattern[i] == '=' ? equivalence_end(pattern, i) : symbol_end(pattern, i);
                        if (i == 0)
                                return 0;
                }
        }
        return i + 1;
}

/* The bytes from @low to @high match at the place that the reading has come to. */
static void bracket_take(Bracket *bracket, uint8_t low, uint8_t high) {
        size_t end = UNTERMINATED - 1;

        for (unsigned int c = low; c <= high; ++c) {
                if (!bracket->left[c])
                        continue;
                bracket->left[c] = false;
                if (end == UNTERMINATED - 1)
                        end = bracket_skip(bracket->pattern, bracket->i);
                if (end == UNTERMINATED)
                        bracket->next[c] = c == '[' ? (uint8_t)(bracket->at + 1) : 0;
                else
                        bracket->next[c] = bracket->negated ? 0 : (uint8_t)end;
        }
}

static bool class_has(size_t class, int c) {
        switch (class) {
        case 0: return isalnum(c);
        case 1: return isalpha(c);
        case 2: return isblank(c);
        case 3: return iscntrl(c);
        case 4: return isdigit(c);
        case 5: return isgraph(c);
        case 6: return islower(c);
        case 7: return isprint(c);
        case 8: return ispunct(c);
        case 9: return isspace(c);
        case 10: return isupper(c);
        default: return isxdigit(c);
        }
}

static ItemEnd bracket_read_class(Bracket *bracket) {
        static const char names[][8] = {
                "alnum:", "alpha:", "blank:", "cntrl:", "digit:", "graph:",
                "lower:", "print:", "punct:", "space:", "upper:", "xdigit:",
        };
        const char *name = bracket->pattern + bracket->i + 1;
        size_t end = class_end(bracket->pattern, bracket->i), class = 0;

        if (end == 0)
                return ITEM_IS_LITERAL;
        while (class < ARRAY_SIZE(names) && strncmp(names[class], name, strlen(names[class])) != 0)
                ++class;
        if (class == ARRAY_SIZE(names))
                return ITEM_FAILS;
        bracket->i = end;
        for (unsigned int c = 1; c < 256; ++c)
                if (class_has(class, (int)c))
                        bracket_take(bracket, (uint8_t)c, (uint8_t)c);
        bracket_read_byte(bracket);
        return ITEM_OK;
}

static ItemEnd bracket_read_equivalence(Bracket *bracket) {
        size_t end = equivalence_end(bracket->pattern, bracket->i);
        uint8_t c = (uint8_t)bracket->pattern[bracket->i + 1];

        if (end == 0)
                return ITEM_IS_LITERAL;
        bracket->i = end;
        bracket_take(bracket, c, c);
        bracket_read_byte(bracket);
        return ITEM_OK;
}

/* Reads "[.x.]", whose '.' is next; returns x, or 0: nothing matches. */
static uint8_t bracket_read_symbol(Bracket *bracket) {
        size_t begin = bracket->i, end = symbol_end(bracket->pattern, begin);

        if (end != begin + 4)
                return 0;
        bracket->i = end;
        return (uint8_t)bracket->pattern[begin + 1];
}

/* The upper end of a range; 0: nothing matches. */
static uint8_t bracket_read_high(Bracket *bracket) {
        uint8_t high = bracket_read_byte(bracket);

        if (high == '[' && bracket->pattern[bracket->i] == '.')
                return bracket_read_symbol(bracket);
        return high == '\\' ? bracket_read_byte(bracket) : high;
}

/* Reads what follows a byte: nothing, or the rest of a range that it begins. */
static ItemEnd bracket_read_range(Bracket *bracket, uint8_t low, bool symbol) {
        const char *rest = bracket->pattern + bracket->i;
        uint8_t high;

        if (rest[0] != '-' || rest[1] == 0 || (rest[1] == ']' && !symbol))
                bracket_take(bracket, low, low);
        if (bracket_read_byte(bracket) != '-' || bracket->pattern[bracket->i] == ']')
                return ITEM_OK;
        high = bracket_read_high(bracket);
        if (high == 0)
                return ITEM_FAILS;
        if (low <= high)
                bracket_take(bracket, low, high);
        bracket_read_byte(bracket);
        return ITEM_OK;
}

/* Reads an item, whose first byte was read, and the first byte of the next one. */
static ItemEnd bracket_read_item(Bracket *bracket) {
        char follows = bracket->c ? bracket->pattern[bracket->i] : 0;
        ItemEnd end = ITEM_IS_LITERAL;
        uint8_t low = bracket->c;

        if (low == '\\') {
                if (follows == 0)
                        return ITEM_FAILS;
                return bracket_read_range(bracket, bracket_read_byte(bracket), false);
        }
        if (low == '[' && follows == '.') {
                low = bracket_read_symbol(bracket);
                return low ? bracket_read_range(bracket, low, true) : ITEM_FAILS;
        }
        if (low == '[' && follows == ':')
                end = bracket_read_class(bracket);
        else if (low == '[' && follows == '=')
                end = bracket_read_equivalence(bracket);
        return end == ITEM_IS_LITERAL ? bracket_read_range(bracket, low, false) : end;
}

/**
 * filter_bracket_read() - read a bracket expression
 * @pattern:  the pattern
 * @at:       the offset of the '['
 * @next:     output: for each byte, the offset where the pattern goes on; 0: it does not match
 */
void filter_bracket_read(const char *pattern, size_t at, uint8_t next[static 256]) {
        Bracket bracket = { .pattern = pattern, .at = at, .i = at + 1, .next = next };

        memset(next, 0, 256);
        memset(bracket.left, true, sizeof(bracket.left));
        bracket.left[0] = false;
        bracket.negated = pattern[bracket.i] == '!' || pattern[bracket.i] == '^';
        bracket.i += bracket.negated;
        bracket_read_byte(&bracket);
        do {
                if (bracket.c == 0) {
                        if (bracket.left['['])
                                next['['] = (uint8_t)(at + 1);
                        return;
                }
                if (bracket_read_item(&bracket) == ITEM_FAILS)
                        return;
        } while (bracket.c != ']');
        for (unsigned int c = 1; c < 256 && bracket.negated; ++c)
                if (bracket.left[c])
                        next[c] = (uint8_t)bracket.i;
}
