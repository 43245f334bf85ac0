/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Numbers of tasks are small (below 2^22) and dense, so that an array in pages needs no
 * hash and no rehash, and a look-up is two loads. A page is made when the first task falls
 * into it, and is given up with its last task. A few such pages are kept, so that a task
 * that comes and goes alone on a page costs no allocation.
 *
 * Each page has a bit for each slot. Numbers come round at 2^22, and on a machine that
 * runs for long the tasks are spread over all pages. A walk reads the bits and not each
 * slot.
 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/util.h"
#include "broker/tasks/task_pages.h"

#define PAGE_BITS 10
#define PAGE_SIZE (1u << PAGE_BITS)
#define WORD_BITS 64u

struct TaskPage {
        Task *slots[PAGE_SIZE];
        uint64_t used[PAGE_SIZE / WORD_BITS];
        uint32_t n_used;
};

/**
 * task_pages_deinit() - free all pages
 * @pages:  the pages
 */
void task_pages_deinit(TaskPages *pages) {
        for (size_t i = 0; i < ARRAY_SIZE(pages->pages); ++i)
                free(pages->pages[i]);
        while (pages->n_spare > 0)
                free(pages->spare[--pages->n_spare]);
        *pages = (TaskPages){};
}

/**
 * task_pages_put() - put a task into its slot
 * @pages:  the pages
 * @task:   the task
 * @tid:    its number, whose slot is empty
 *
 * Return: true; false if its page cannot be made.
 */
bool task_pages_put(TaskPages *pages, Task *task, uint32_t tid) {
        TaskPage **page = &pages->pages[tid >> PAGE_BITS];
        uint32_t slot = tid & (PAGE_SIZE - 1);

        if (!*page && pages->n_spare > 0) {
                *page = pages->spare[--pages->n_spare];
        } else if (!*page) {
                *page = calloc(1, sizeof(**page));
                pages->n_made += *page != NULL;
        }
        if (!*page)
                return false;
        (*page)->slots[slot] = task;
        (*page)->used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
        ++(*page)->n_used;
        return true;
}

/**
 * task_pages_clear() - empty a slot
 * @pages:  the pages
 * @tid:    the number of a task that is there
 */
void task_pages_clear(TaskPages *pages, uint32_t tid) {
        TaskPage **place = &pages->pages[tid >> PAGE_BITS], *page = *place;
        uint32_t slot = tid & (PAGE_SIZE - 1);

        assert(page && page->slots[slot]);
        page->slots[slot] = NULL;
        page->used[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
        if (--page->n_used > 0)
                return;
        /* A page without a task is all zero, and can be used for other numbers. */
        *place = NULL;
        if (pages->n_spare < ARRAY_SIZE(pages->spare)) {
                pages->spare[pages->n_spare++] = page;
        } else {
                free(page);
                --pages->n_made;
        }
}

/**
 * task_pages_get() - find a task
 * @pages:  the pages
 * @tid:    any number
 *
 * Return: The task in the slot; NULL.
 */
Task *task_pages_get(const TaskPages *pages, uint32_t tid) {
        const TaskPage *page = tid < TASK_PAGES_LIMIT ? pages->pages[tid >> PAGE_BITS] : NULL;

        return page ? page->slots[tid & (PAGE_SIZE - 1)] : NULL;
}

static Task *page_next(const TaskPage *page, uint32_t slot) {
        for (; slot < PAGE_SIZE; slot = (slot / WORD_BITS + 1) * WORD_BITS) {
                uint64_t word = page->used[slot / WORD_BITS] >> slot % WORD_BITS;

                if (word)
                        return page->slots[slot + (uint32_t)__builtin_ctzll(word)];
        }
        return NULL;
}

/**
 * task_pages_next() - find the next task by number
 * @pages:     the pages
 * @from_tid:  the least number
 *
 * Return: The task with the least number from there on; NULL.
 */
Task *task_pages_next(const TaskPages *pages, uint32_t from_tid) {
        uint32_t slot = from_tid & (PAGE_SIZE - 1);

        for (uint32_t i = from_tid >> PAGE_BITS; i < ARRAY_SIZE(pages->pages); ++i, slot = 0) {
                Task *task = pages->pages[i] ? page_next(pages->pages[i], slot) : NULL;

                if (task)
                        return task;
        }
        return NULL;
}

/**
 * task_pages_end() - find a number above all tasks
 * @pages:  the pages
 *
 * Return: The first number behind the last page; 0: there is no task.
 */
uint32_t task_pages_end(const TaskPages *pages) {
        uint32_t n = ARRAY_SIZE(pages->pages);

        while (n > 0 && !pages->pages[n - 1])
                --n;
        return n << PAGE_BITS;
}

/**
 * task_pages_bytes() - the memory of the pages
 * @pages:  the pages
 *
 * Return: Bytes, with the spare pages and the array of pages.
 */
size_t task_pages_bytes(const TaskPages *pages) {
        return sizeof(*pages) + pages->n_made * sizeof(TaskPage);
}
