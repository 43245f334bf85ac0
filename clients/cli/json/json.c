/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of JSON objects. json-c writes the syntax. Here is the meaning: a value that
 * is not known is null, never 0, and every byte of a name is in its text.
 */

#include <inttypes.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/output.h"
#include "clients/cli/base/text.h"
#include "clients/cli/json/json.h"

void json_add(struct json_object *object, const char *key, struct json_object *value) {
        json_object_object_add_ex(object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void json_add_number(struct json_object *object, const char *key, uint64_t number) {
        json_add(object, key, json_object_new_uint64(number));
}

void json_add_known(struct json_object *object, const char *key, uint64_t number, bool known) {
        json_add(object, key, known ? json_object_new_uint64(number) : NULL);
}

void json_add_bool(struct json_object *object, const char *key, bool value) {
        json_add(object, key, json_object_new_boolean(value));
}

/*
 * Writes a text with characters that a terminal acts on, which json-c leaves as they are.
 * All of them have four digits.
 */
static int json_write_text(struct json_object *object, struct printbuf *line, int level, int flags) {
        const char *at = json_object_get_string(object);
        char code[8];

        (void)level;
        (void)flags;
        printbuf_strappend(line, "\"");
        while (*at) {
                uint32_t character = 0;
                bool escaped;
                size_t n = text_character(at, TEXT_FOR_TERMINAL, &escaped);

                text_decode(at, &character);
                snprintf(code, sizeof(code), escaped ? "\\u%04x" : "\\", (unsigned int)(character & 0xffff));
                if (escaped || *at == '"' || *at == '\\')
                        printbuf_memappend(line, code, (int)strlen(code));
                if (!escaped)
                        printbuf_memappend(line, at, (int)n);
                at += n;
        }
        printbuf_strappend(line, "\"");

        return 0;
}

static struct json_object *json_new_text(const char *text) {
        struct json_object *value = json_object_new_string(text);
        bool control = false;

        for (const char *at = text; *at && !control;)
                at += text_character(at, TEXT_FOR_JSON, &control);
        if (value && control)
                json_object_set_serializer(value, json_write_text, NULL, NULL);

        return value;
}

/**
 * json_text() - make a text
 * @text:       the text
 * @escaped:    each byte that is not UTF-8 is written as \xNN, and the backslash too; it
 *              is false only for texts that are UTF-8
 *
 * Return: The text; NULL, which is null in JSON, if there is too little memory.
 */
struct json_object *json_text(const char *text, bool escaped) {
        char room[256], *copy = room;
        size_t n_copy = TEXT_ESCAPED_MAX(strlen(text));
        struct json_object *value;

        if (!escaped)
                return json_new_text(text);

        /* Names of tasks always fit; texts from the broker and command lines may be longer. */
        if (n_copy > sizeof(room))
                copy = malloc(n_copy);
        if (!copy)
                return NULL;

        text_escape(copy, n_copy, text, TEXT_FOR_JSON);
        value = json_object_new_string(copy);
        if (copy != room)
                free(copy);

        return value;
}

/* Marks the text, or the list of texts, of a key as escaped. */
void json_add_escaped(struct json_object *object, const char *key) {
        char mark[64];

        snprintf(mark, sizeof(mark), "%s_escaped", key);
        json_object_object_add(object, mark, json_object_new_boolean(true));
}

/* A text that is not UTF-8 is escaped and marked. */
void json_add_text(struct json_object *object, const char *key, const char *text) {
        bool escaped = !text_is_utf8(text);

        json_add(object, key, json_text(text, escaped));
        if (escaped)
                json_add_escaped(object, key);
}

void json_add_known_text(struct json_object *object, const char *key, const char *text, bool known) {
        if (known)
                json_add_text(object, key, text);
        else
                json_add(object, key, NULL);
}

void json_add_id(struct json_object *object, const char *key, uint32_t tid, uint64_t start_boot_ns) {
        char id[48];

        snprintf(id, sizeof(id), "%" PRIu32 "-%" PRIu64, tid, start_boot_ns);
        json_add(object, key, start_boot_ns ? json_object_new_string(id) : NULL);
}

/**
 * json_add_start() - add the start of a task, and its identity
 * @object:         the object
 * @tid:            the task, or the leader of the process
 * @start_time_ns:  its start on the scale of all times; 0: not known
 * @start_boot_ns:  the same by the boot clock
 *
 * "id" is a text, as many readers of JSON lose digits of 64-bit numbers.
 */
void json_add_start(struct json_object *object, uint32_t tid, uint64_t start_time_ns, uint64_t start_boot_ns) {
        json_add_id(object, "id", tid, start_boot_ns);
        json_add_known(object, "start_time_ns", start_time_ns, start_time_ns != 0);
        json_add_known(object, "start_boot_ns", start_boot_ns, start_boot_ns != 0);
}

/* Adds a flag that is known if it is set; null if it is not set and not known. */
void json_add_flag(struct json_object *object, const char *key, bool value, bool known) {
        json_add(object, key, value || known ? json_object_new_boolean(value) : NULL);
}

/* Adds the cause of an end; null and "termination_missing" if it is not known. A killed task has no exit code. */
void json_add_termination(struct json_object *object, const struct tb_termination *termination) {
        bool exited = termination->known && termination->term_signal == 0;

        json_add_known(object, "exit_code", termination->exit_code, exited);
        json_add_known(object, "term_signal", termination->term_signal, termination->known);
        json_add(object, "core_dumped", termination->known ? json_object_new_boolean(termination->core_dumped) : NULL);
        if (!termination->known)
                json_add_text(object, "termination_missing",
                              termination->missing == TB_TERMINATION_MISSING_WITHHELD ? "withheld" : "unknown");
}

/**
 * json_add_relatives() - add the maker and the present parent of a process
 * @object:     the object
 * @maker:      the process that forked it
 * @parent:     the process that is its parent now, or was at its end
 *
 * Each has a number, which is null if it is not known, and an identity as in "id".
 */
void json_add_relatives(struct json_object *object,
                        const struct tb_process_id *maker,
                        const struct tb_process_id *parent) {
        json_add_known(object, "maker_pid", maker->pid, maker->known);
        json_add_id(object, "maker_id", maker->pid, maker->start_boot_ns);
        json_add_known(object, "parent_pid", parent->pid, parent->known);
        json_add_id(object, "parent_id", parent->pid, parent->start_boot_ns);
}

/* Adds whether the kernel counts delays; null if that is not known. */
void json_add_delay_accounting(struct json_object *object, enum tb_delay_accounting value) {
        static const char *const names[] = {
                [TB_DELAY_ACCOUNTING_OFF] = "off",
                [TB_DELAY_ACCOUNTING_ON] = "on",
                [TB_DELAY_ACCOUNTING_UNSUPPORTED] = "unsupported",
        };

        if (value == TB_DELAY_ACCOUNTING_UNKNOWN)
                json_add(object, "delay_accounting", NULL);
        else
                json_add_text(object, "delay_accounting", names[value]);
}

/* Adds the leader of a process' session, by number and by identity. The number 0 stands for no session. */
void json_add_session(struct json_object *object, const struct tb_process_id *leader) {
        json_add_known(object, "session", leader->pid, leader->known);
        json_add_id(object, "session_id", leader->pid, leader->start_boot_ns);
}

/* The object on one line, without a newline. The text belongs to the object. */
const char *json_line(struct json_object *object, size_t *ret_n) {
        return json_object_to_json_string_length(object,
                                                 JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
                                                 ret_n);
}

/**
 * json_write() - write an object as a line
 * @object:     the object; freed
 * @output:     the output
 *
 * Return: As output_write().
 */
int json_write(struct json_object *object, Output *output) {
        const char *line;
        size_t n_line;
        int r;

        line = json_line(object, &n_line);
        r = output_write(output, line, n_line);
        if (r >= 0)
                r = output_write(output, "\n", 1);
        json_object_put(object);

        return r;
}
