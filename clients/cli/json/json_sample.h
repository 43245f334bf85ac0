/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

struct json_object;

struct json_object *json_sample_row(const Live *live, const LiveRow *row);
struct json_object *json_sample(const Live *live, const struct tb_welcome *welcome);
