/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/time_form.h"
#include "clients/cli/text/line.h"

void loss_line_add(Line *line, const struct tb_event *event, TimeForm time_form);
