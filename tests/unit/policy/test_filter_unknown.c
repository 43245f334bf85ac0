/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Each criterion, given a value that is not known and looks like the value that the filter selects: a 0, an empty name.
 * The rows of proto/filter_criteria.h make the cases, so a new criterion needs one. The rules are in broker.proto,
 * Filter.
 */

#include "broker/base/util.h"
#include "broker/policy/filter_matcher.h"
#include "tests/unit/made.h"

typedef struct Case Case;

/* The knowledge of the value that a criterion looks at. */
typedef enum Knowledge {
        UNKNOWN,        /* the value is not known */
        KNOWN,          /* it is known, and is the same 0 or empty text */
        _KNOWLEDGE_N,
} Knowledge;

struct Case {
        const char *name;
        void (*select)(Filter *filter, FilterBinding *binding);
        void (*give)(Event *event, Knowledge knowledge);
        bool passes[_KNOWLEDGE_N];
};

static Program *root_program;

static void select_uids(Filter *filter, FilterBinding *binding) {
        (void)binding;
        filter->n_uids = 1;
}

static void give_uids(Event *event, Knowledge knowledge) {
        event->task_unknown = knowledge == UNKNOWN;
}

static void select_pids(Filter *filter, FilterBinding *binding) {
        filter->n_pids = 1;
        filter->pids[0] = 9;
        binding->starts.pids[0] = 5;
}

static void give_pids(Event *event, Knowledge knowledge) {
        event->process_start_ns = knowledge == UNKNOWN ? 0 : 5;
}

static void select_subtrees(Filter *filter, FilterBinding *binding) {
        filter->n_subtrees = 1;
        binding->mark = 4;
}

/* A process whose maker is not known inherits no mark. */
static void give_subtrees(Event *event, Knowledge knowledge) {
        event->marks = knowledge == UNKNOWN ? 0 : 4;
}

static void select_comms(Filter *filter, FilterBinding *binding) {
        (void)binding;
        filter->n_comms = 1;
        strcpy(filter->comms[0], "*");
}

static void give_comms(Event *event, Knowledge knowledge) {
        event->task_unknown = knowledge == UNKNOWN;
}

static void select_cgroups(Filter *filter, FilterBinding *binding) {
        (void)binding;
        filter->n_cgroups = 1;
}

static void give_cgroups(Event *event, Knowledge knowledge) {
        event->program = knowledge == UNKNOWN ? NULL : root_program;
}

static void select_cpus(Filter *filter, FilterBinding *binding) {
        (void)binding;
        assert(filter_parse_cpus(filter, "0"));
}

static void give_cpus(Event *event, Knowledge knowledge) {
        event->synthesised = knowledge == UNKNOWN;
}

static void select_nonzero(Filter *filter, FilterBinding *binding) {
        (void)binding;
        filter->nonzero = true;
}

static void give_nonzero(Event *event, Knowledge knowledge) {
        event->exit.status_unknown = knowledge == UNKNOWN;
}

/* A criterion selects what is known to match; nonzero leaves out what is known not to match. */
#define PASSES_uids { false, true }
#define PASSES_pids { false, true }
#define PASSES_subtrees { false, true }
#define PASSES_comms { false, true }
#define PASSES_cgroups { false, true }
#define PASSES_cpus { false, true }
#define PASSES_nonzero { true, false }

static const Case cases[] = {
#define CASE(name, ...) { #name, select_##name, give_##name, PASSES_##name },
        FILTER_CRITERIA(CASE)
#undef CASE
};

static bool passes(const Case *c, const Event *event) {
        static Filter filter;
        FilterBinding binding = {};
        FilterMatcher matcher;
        FilterVerdict verdict;

        filter = (Filter){};
        c->select(&filter, &binding);
        assert(filter_matcher_init(&matcher, &filter) == 0);
        matcher.binding = binding;
        verdict = filter_matcher_judge(&matcher, event, NULL);
        filter_matcher_deinit(&matcher);
        return verdict != FILTER_HIDES;
}

static void test_each_criterion(void) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); ++i) {
                for (int knowledge = 0; knowledge < _KNOWLEDGE_N; ++knowledge) {
                        Event event = { .kind = EVENT_EXIT, .pid = 9, .tid = 9 };

                        cases[i].give(&event, (Knowledge)knowledge);
                        if (passes(&cases[i], &event) == cases[i].passes[knowledge])
                                continue;
                        fprintf(stderr, "%s, %s\n", cases[i].name, knowledge == UNKNOWN ? "unknown" : "known");
                        assert(!"the verdict");
                }
        }
}

/* A name that is stale is not known either. */
static void test_stale_name(void) {
        const Case *comms = NULL;
        Event event = { .kind = EVENT_EXEC, .pid = 9, .tid = 9, .comm_stale = true };

        for (size_t i = 0; i < ARRAY_SIZE(cases); ++i)
                if (strcmp(cases[i].name, "comms") == 0)
                        comms = &cases[i];
        assert(comms && !passes(comms, &event));
        event.comm_stale = false;
        assert(passes(comms, &event));
}

/* The end of a process may be known although the end of its last task is not, and the other way round. */
static void test_status_of_process(void) {
        const Case *nonzero = &cases[ARRAY_SIZE(cases) - 1];

        assert(strcmp(nonzero->name, "nonzero") == 0);
        for (int bits = 0; bits < 4; ++bits) {
                Event event = { .kind = EVENT_EXIT, .pid = 9, .tid = 9 };

                event.exit.process_ended = true;
                event.exit.status_unknown = bits & 1;
                event.exit.process_status_unknown = bits & 2;
                assert(passes(nonzero, &event) == (bits != 0));
        }
}

int main(void) {
        root_program = made_program("", "", "/");
        test_each_criterion();
        test_stale_name();
        test_status_of_process();
        free(root_program);
        return 0;
}
