/* exit and wait: a dead process keeps its table entry until its parent has read the status; init adopts orphans. */
#include "abi/errors.h"
#include "abi/files.h"
#include "console.h"
#include "cpu/instructions.h"
#include "files/file.h"
#include "memory/paging.h"
#include "memory/user_copy.h"
#include "process/process.h"
#include "process/signal.h"

void process_exit(int status)
{
    struct process *init = process_find(1);
    if (current == init)
        panic("init ended with status %x", status);
    for (int i = 0; i < DESCRIPTOR_COUNT; i++)
        if (current->descriptors[i])
            file_close(current->descriptors[i]);
    fpu_release(current);
    write_cr3(paging_kernel_directory()); /* before the directory in use is freed */
    address_space_destroy(&current->space);

    cli();
    for (struct process *p = processes; p < processes + PROCESS_COUNT; p++)
        if (p->state != PROCESS_UNUSED && p->parent == current) {
            p->parent = init;
            if (p->state == PROCESS_ZOMBIE)
                wakeup(init);
        }
    current->exit_status = status;
    current->state = PROCESS_ZOMBIE;
    wakeup(current->parent);
    schedule();
    panic("a zombie ran");
}

/* pid -1 waits for any child. Sets *any if there is one to wait for at all. */
static struct process *find_zombie(int pid, bool *any)
{
    *any = false;
    for (struct process *p = processes; p < processes + PROCESS_COUNT; p++) {
        if (p->state == PROCESS_UNUSED || p->parent != current || (pid != -1 && p->pid != pid))
            continue;
        *any = true;
        if (p->state == PROCESS_ZOMBIE)
            return p;
    }
    return 0;
}

int process_wait(int pid, uint32_t status_address, uint32_t options)
{
    uint32_t flags = interrupts_save();
    struct process *child;
    int result;
    for (;;) {
        bool any;
        if ((child = find_zombie(pid, &any))) {
            result = child->pid;
            break;
        }
        result = !any ? -ECHILD : options & WAIT_NOHANG ? 0 : signal_pending(current) ? -EINTR : 1;
        if (result <= 0)
            break;
        sleep_on(current);
    }
    interrupts_restore(flags);
    if (!child)
        return result;
    if (status_address && !copy_to_user(status_address, &child->exit_status, sizeof child->exit_status))
        return -EFAULT;
    child->state = PROCESS_UNUSED;
    return result;
}
