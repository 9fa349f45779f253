/* x87/SSE state of a process, switched lazily: CR0.TS makes the first use after a switch trap (SDM vol. 3 13.4). */
#ifndef CPU_FPU_H
#define CPU_FPU_H
#include <stdbool.h>
#include <stdint.h>

struct process;
struct fpu_state { uint8_t bytes[512]; bool used; } __attribute__((aligned(16)));

void fpu_initialize(void);
bool fpu_available(void);
void fpu_acquire(void);                          /* #NM: give the registers to the current process */
void fpu_switch(const struct process *next);     /* arm or disarm #NM */
void fpu_fork(struct process *parent, struct process *child);
void fpu_release(struct process *process);       /* exit and exec: the state is worthless */

#endif
