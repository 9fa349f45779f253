/* Round robin: a queue of ready processes, one tick each. The kernel itself is not preempted: a switch happens
   where a process sleeps, or on its way back to ring 3. */
#include "cpu/instructions.h"
#include "cpu/segments.h"
#include "drivers/pit.h"
#include "memory/paging.h"
#include "process/process.h"

void switch_context(uint32_t *save, uint32_t load);

struct process *current; /* 0: the idle context, on the boot stack */
volatile bool need_reschedule;
static struct process *ready_first, *ready_last;
static uint32_t idle_stack_pointer;

void make_ready(struct process *process)
{
    uint32_t flags = interrupts_save();
    process->state = PROCESS_READY;
    process->wait_channel = 0;
    process->wakes_at_tick = false;
    process->next_ready = 0;
    if (ready_first)
        ready_last->next_ready = process;
    else
        ready_first = process;
    ready_last = process;
    interrupts_restore(flags);
}

static void switch_to(struct process *next)
{
    struct process *previous = current;
    uint32_t *save = previous ? &previous->stack_pointer : &idle_stack_pointer;
    if (previous == next)
        return;
    current = next;
    if (next) {
        segments_set_kernel_stack(process_stack_end(next));
        fpu_switch(next);
        uint32_t directory = next->space.directory ? next->space.directory : paging_kernel_directory();
        if (directory != read_cr3())
            write_cr3(directory);
    }
    switch_context(save, next ? next->stack_pointer : idle_stack_pointer);
}

void schedule(void)
{
    uint32_t flags = interrupts_save();
    need_reschedule = false;
    if (current && current->state == PROCESS_RUNNING)
        make_ready(current);
    struct process *next = ready_first;
    if (next) {
        ready_first = next->next_ready;
        next->state = PROCESS_RUNNING;
    }
    switch_to(next);
    interrupts_restore(flags);
}

void scheduler_idle(void)
{
    for (;;) {
        cli();
        if (ready_first)
            schedule();
        else
            sti_hlt();
    }
}

void scheduler_tick(void)
{
    for (struct process *p = processes; p < processes + PROCESS_COUNT; p++)
        if (p->state == PROCESS_SLEEPING && p->wakes_at_tick && (int32_t)(ticks - p->wake_tick) >= 0)
            make_ready(p);
    if (current)
        current->cpu_ticks++;
    need_reschedule = true;
}

void sleep_on(const void *channel)
{
    current->wait_channel = channel;
    current->state = PROCESS_SLEEPING;
    schedule();
}

void sleep_until_tick(uint32_t tick)
{
    current->wake_tick = tick;
    current->wakes_at_tick = true;
    sleep_on(&current->wake_tick);
}

void wakeup(const void *channel)
{
    uint32_t flags = interrupts_save();
    for (struct process *p = processes; p < processes + PROCESS_COUNT; p++)
        if (p->state == PROCESS_SLEEPING && p->wait_channel == channel)
            make_ready(p);
    interrupts_restore(flags);
}
