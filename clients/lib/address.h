/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

const char *address_resolve(const char *path);
int address_connect(const char *path);
