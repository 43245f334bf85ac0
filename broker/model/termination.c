/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/model/termination.h"

/**
 * termination_from_wait_status() - take a wait status apart
 * @wait_status:  exit code << 8, or a signal, with 0x80 where core was dumped
 *
 * Return: Its parts.
 */
Termination termination_from_wait_status(uint32_t wait_status) {
        return (Termination){
                .exit_code = (wait_status >> 8) & 0xff,
                .term_signal = wait_status & 0x7f,
                .core_dumped = wait_status & 0x80,
        };
}
