/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/live.h"

struct json_object;

struct json_object *json_live_row(const Live *live, const LiveRow *row);
struct json_object *json_live_sample(const Live *live, const struct tb_welcome *welcome);
