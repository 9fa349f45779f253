/* Sleeping locks. The kernel is not preempted, so testing and setting needs no atomic instruction. */
#include "process/lock.h"
#include "cpu/instructions.h"
#include "process/process.h"

void lock_acquire(struct lock *lock)
{
    uint32_t flags = interrupts_save();
    while (lock->held)
        sleep_on(lock);
    lock->held = true;
    interrupts_restore(flags);
}

void lock_release(struct lock *lock)
{
    lock->held = false;
    wakeup(lock);
}
