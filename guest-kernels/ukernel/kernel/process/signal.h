/* Signals: from kill, from broken pipes and from exceptions. */
#ifndef PROCESS_SIGNAL_H
#define PROCESS_SIGNAL_H
#include "abi/signals.h"
#include <stdbool.h>
#include <stdint.h>

struct process;
struct trap_frame;

bool signal_pending(const struct process *process);
void signal_send(struct process *process, uint32_t signal);
void signal_exception(struct trap_frame *frame, uint32_t signal, uint32_t address); /* to the current process, at once */
void signal_deliver(struct trap_frame *frame);                                      /* on the way to ring 3 */
int signal_register(uint32_t signal, uint32_t handler, uint32_t restorer);          /* the old handler or -errno */
int signal_return(struct trap_frame *frame, uint32_t context_address);

#endif
