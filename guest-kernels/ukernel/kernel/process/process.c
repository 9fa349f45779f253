/* The process table, and the first kernel context of a new process. */
#include "process/process.h"
#include "string.h"

struct process processes[PROCESS_COUNT];
static uint8_t kernel_stacks[PROCESS_COUNT][KERNEL_STACK_SIZE] __attribute__((aligned(16)));
static int next_pid = 1;

/* What switch_context pops: layout == push order of switch.S. */
struct switch_frame { uint32_t edi, esi, ebx, ebp, return_address; };

uint32_t process_stack_end(const struct process *process)
{
    return (uint32_t)(kernel_stacks[process - processes] + KERNEL_STACK_SIZE);
}

struct trap_frame *process_trap_frame(struct process *process)
{
    return (struct trap_frame *)process_stack_end(process) - 1;
}

struct process *process_allocate(void)
{
    for (struct process *p = processes; p < processes + PROCESS_COUNT; p++) {
        if (p->state != PROCESS_UNUSED)
            continue;
        memset(p, 0, sizeof *p);
        p->pid = next_pid++;
        p->state = PROCESS_SLEEPING;
        return p;
    }
    return 0;
}

struct process *process_find(int pid)
{
    for (struct process *p = processes; p < processes + PROCESS_COUNT; p++)
        if (p->state != PROCESS_UNUSED && p->pid == pid)
            return p;
    return 0;
}

/* The first switch to the process runs `entry` with its trap frame above, as if called from trap.S. */
void process_start(struct process *process, void (*entry)(void))
{
    struct switch_frame *frame = (struct switch_frame *)process_trap_frame(process) - 1;
    *frame = (struct switch_frame){ .return_address = (uint32_t)entry };
    process->stack_pointer = (uint32_t)frame;
    make_ready(process);
}
