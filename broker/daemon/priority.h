/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Priority: the broker raises its own priority at the start. The kernel drops events while the broker does
 * not get a processor, so that users who keep all processors busy would make everybody lose events.
 */

void priority_raise(int boost);
