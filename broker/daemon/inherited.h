/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inherited: closes the descriptors that the process that started the daemon left open. */

#include "broker/daemon/options.h"

void inherited_close(const Options *options);
