/* A process, the table of them, and the scheduler's interface. */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H
#include "abi/signals.h"
#include "cpu/fpu.h"
#include "cpu/trap.h"
#include "memory/address_space.h"
#include <stdbool.h>
#include <stdint.h>

#define PROCESS_COUNT 64
#define DESCRIPTOR_COUNT 16
#define KERNEL_STACK_SIZE 8192

struct file;

enum process_state { PROCESS_UNUSED, PROCESS_READY, PROCESS_RUNNING, PROCESS_SLEEPING, PROCESS_ZOMBIE };

struct process {
    struct fpu_state fpu;
    enum process_state state;
    int pid, exit_status;
    struct process *parent;
    struct process *next_ready;
    const void *wait_channel;
    bool wakes_at_tick;
    uint32_t wake_tick, cpu_ticks;
    uint32_t stack_pointer;             /* of the suspended kernel context, see switch.S */
    struct address_space space;
    struct file *descriptors[DESCRIPTOR_COUNT];
    uint32_t pending, blocked, handlers[SIGNAL_COUNT], restorer;
    struct signal_context exception;    /* trap, error and address of the exception in `pending` */
};

extern struct process processes[PROCESS_COUNT];
extern struct process *current;
extern volatile bool need_reschedule;

/* process.c */
struct process *process_allocate(void);     /* 0: the table is full */
struct process *process_find(int pid);
struct trap_frame *process_trap_frame(struct process *process);
void process_start(struct process *process, void (*entry)(void));
uint32_t process_stack_end(const struct process *process);

/* scheduler.c */
void schedule(void);
void scheduler_tick(void);
void scheduler_idle(void) __attribute__((noreturn));
void make_ready(struct process *process);
void sleep_on(const void *channel);         /* interrupts off, so that no wakeup is lost */
void sleep_until_tick(uint32_t tick);
void wakeup(const void *channel);

/* fork.c, exec.c, exit.c */
int process_fork(const struct trap_frame *frame);
int process_exec(const char *path, uint32_t argv, struct trap_frame *frame);
int process_exec_kernel(const char *path, int argc, char *const argv[], struct trap_frame *frame);
void process_exit(int status) __attribute__((noreturn));
int process_wait(int pid, uint32_t status_address, uint32_t options);

#endif
