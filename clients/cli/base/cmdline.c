/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A command line as a text for people: the arguments with spaces between them, quoted for
 * a shell.
 *
 * An argument that a shell would change is quoted, so that its ends can be seen and the
 * line can be pasted. Called by all views with command lines. Pure.
 */

#include <string.h>

#include "clients/cli/base/cmdline.h"

#define CUT "..."

/* More empty arguments at the end than a person types: they are the padding of a title. */
#define PADDING_MIN 4

typedef enum Quotes Quotes;

enum Quotes {
        QUOTES_NONE,
        QUOTES_SINGLE,                  /* 'a b' */
        QUOTES_ESCAPES,                 /* $'a\nb' */
};

/* A shell takes these words, at the beginning of a command, for its own. */
static bool cmdline_is_reserved(const char *word) {
        static const char *const words[] = {
                "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function",
                "if", "in", "select", "then", "time", "until", "while",
        };

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); ++i)
                if (strcmp(words[i], word) == 0)
                        return true;

        return false;
}

/* Spaces that look like the space between arguments. */
static bool cmdline_is_space(uint32_t code) {
        return code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
               code == 0x205f || code == 0x3000;
}

/* Whether a shell leaves the character at @at as it is. */
static bool cmdline_is_plain(const char *argument, const char *at) {
        uint32_t code = 0;

        text_decode(at, &code);
        if (code >= 0x80)
                return !cmdline_is_space(code);
        if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9'))
                return true;

        /* At the beginning, zsh looks for a command. A home directory begins there, and behind these two. */
        if (*at == '=')
                return at > argument;
        if (*at == '~')
                return at > argument && at[-1] != '=' && at[-1] != ':';

        return strchr("%+,-./:@_", *at);
}

static Quotes cmdline_quotes(const char *argument, bool first) {
        Quotes quotes = QUOTES_NONE;
        bool escaped;

        if (!*argument || (first && (strchr(argument, '=') || cmdline_is_reserved(argument))))
                quotes = QUOTES_SINGLE;
        for (const char *at = argument; *at;) {
                size_t n = text_character(at, TEXT_FOR_TERMINAL, &escaped);

                if (escaped)
                        return QUOTES_ESCAPES;
                if (!cmdline_is_plain(argument, at))
                        quotes = QUOTES_SINGLE;
                at += n;
        }

        return quotes;
}

static char *cmdline_write_single(char *to, const char *argument) {
        *to++ = '\'';
        for (; *argument; ++argument) {
                if (*argument == '\'')
                        to = stpcpy(to, "'\\'");
                *to++ = *argument;
        }
        *to++ = '\'';

        return to;
}

/* The forms that bash, zsh, ksh and newer versions of sh read. */
static char *cmdline_write_escaped(char *to, const char *at) {
        static const char digits[] = "0123456789abcdef";
        bool escaped;

        to = stpcpy(to, "$'");
        while (*at) {
                size_t n = text_character(at, TEXT_FOR_TERMINAL, &escaped);

                if (*at == '\n' || *at == '\t' || *at == '\r') {
                        *to++ = '\\';
                        *to++ = *at == '\n' ? 'n' : *at == '\t' ? 't' : 'r';
                        ++at;
                        continue;
                }
                if (*at == '\'' || *at == '\\')
                        *to++ = '\\';
                for (; n > 0; --n, ++at) {
                        if (escaped) {
                                to = stpcpy(to, "\\x");
                                *to++ = digits[(uint8_t)*at >> 4];
                                *to++ = digits[(uint8_t)*at & 0xf];
                        } else {
                                *to++ = *at;
                        }
                }
        }
        *to++ = '\'';

        return to;
}

/**
 * cmdline_quote() - write an argument as a shell reads it
 * @text:       output: CMDLINE_QUOTED_MAX() of the argument's length
 * @argument:   the argument
 * @first:      it is the first of the command line
 *
 * Return: The length of the text. The text has no control characters.
 */
size_t cmdline_quote(char *text, const char *argument, bool first) {
        char *end;

        switch (cmdline_quotes(argument, first)) {
        case QUOTES_SINGLE:
                end = cmdline_write_single(text, argument);
                break;
        case QUOTES_ESCAPES:
                end = cmdline_write_escaped(text, argument);
                break;
        default:
                end = stpcpy(text, argument);
        }
        *end = 0;

        return (size_t)(end - text);
}

/*
 * The length of a command line without the padding of a title. A process that gives itself
 * a short title leaves NULs behind it, which look like empty arguments.
 */
static size_t cmdline_length(const char *line, size_t n_line) {
        size_t n_first = strnlen(line, n_line), n_padding;

        if (n_first == n_line)
                return n_line;
        for (size_t i = n_first; i < n_line; ++i)
                if (line[i])
                        return n_line;

        n_padding = n_line - n_first - 1;
        return n_first == 0 || n_padding > PADDING_MIN || memchr(line, ' ', n_first) ? n_first + 1 : n_line;
}

/**
 * cmdline_text() - write a command line
 * @text:       output: quoted for a shell; empty if there are no arguments
 * @program:    the program
 *
 * A command line that was cut ends in "...". The broker cuts it, and leaves the last
 * argument without its NUL. A newer broker may send more: then it is cut here.
 *
 * Return: The length of the text.
 */
size_t cmdline_text(char text[static CMDLINE_TEXT_MAX], const struct tb_program *program) {
        static char line[CMDLINE_MAX + 1];
        size_t n_line = program->n_cmdline, n = 0;
        bool cut = n_line > 0 && program->truncated && program->cmdline[n_line - 1];

        if (n_line > CMDLINE_MAX) {
                n_line = CMDLINE_MAX;
                cut = true;
        }
        memcpy(line, program->cmdline, n_line);
        line[n_line] = 0;
        n_line = cmdline_length(line, n_line);

        *text = 0;
        if (n_line == 1 && !*line)
                return 0;
        for (size_t at = 0; at < n_line; at += strlen(line + at) + 1) {
                if (at > 0)
                        text[n++] = ' ';
                n += cmdline_quote(text + n, line + at, at == 0);
        }
        if (cut)
                n = (size_t)(stpcpy(text + n, CUT) - text);

        return n;
}
