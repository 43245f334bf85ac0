/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "taskbroker/taskbroker.h"

struct tb_program *program_copy(const struct tb_program *program);
