/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The verb status from end to end: its request, output and exit statuses.
 */

#include "tests/unit/verb_rig.h"

static void test_status(void) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__BrokerStatus status = TASKBROKER__V1__BROKER_STATUS__INIT;
        Taskbroker__V1__MachineStatus machine = TASKBROKER__V1__MACHINE_STATUS__INIT;
        Taskbroker__V1__ServiceStatus service = TASKBROKER__V1__SERVICE_STATUS__INIT;
        Bytes script = bytes_new();

        machine.live_tasks = 1234567;
        status.machine = &machine;
        status.service = &service;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS;
        message.broker_status = &status;
        bytes_add_message(&script, &message);

        begin(verb_status, "status");
        serve();
        assert(run.request->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(strncmp(run.out_text, "0 lost of 0 kernel events", 25) == 0 && strstr(run.out_text, "1 234 567"));

        begin(verb_status, "status --json");
        serve();
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 1 && strstr(run.out_text, "\"live_tasks\":1234567"));

        begin(verb_status, "status");
        serve();
        shutdown(run.connection, SHUT_RDWR);
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strstr(run.err_text, "closed the connection"));

        free(script.data);
}

static void test_usage(void) {
        begin(verb_status, "status now");
        assert(finish() == EXIT_STATUS_USAGE);
        begin(verb_status, "status -x");
        assert(finish() == EXIT_STATUS_USAGE);
        begin(verb_status, "status --help");
        assert(finish() == EXIT_STATUS_OK);
}

int main(void) {
        listen_for_verbs();
        test_status();
        test_usage();
        remove_socket();
        return 0;
}
