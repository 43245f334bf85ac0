/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

/*
 * Takes any message of either connection. After TB_MESSAGE_SAMPLE the sample is
 * complete: then is the time to draw, or to print Live.changed. Returns 0, or -ENOMEM.
 */
int live_messages_take(Live *live, const struct tb_message *message);
