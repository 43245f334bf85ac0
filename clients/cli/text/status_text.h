/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "taskbroker/taskbroker.h"

#define STATUS_TEXT_MAX 16384

size_t status_text(char text[static STATUS_TEXT_MAX], const struct tb_status *status);
