/* fork: the child is the parent with shared pages, shared open files and 0 in EAX. */
#include "abi/errors.h"
#include "files/file.h"
#include "process/process.h"
#include "string.h"

int process_fork(const struct trap_frame *frame)
{
    struct process *child = process_allocate();
    if (!child)
        return -EAGAIN;
    if (!address_space_fork(&current->space, &child->space)) {
        child->state = PROCESS_UNUSED;
        return -ENOMEM;
    }
    child->parent = current;
    for (int i = 0; i < DESCRIPTOR_COUNT; i++)
        if ((child->descriptors[i] = current->descriptors[i]))
            file_share(child->descriptors[i]);
    memcpy(child->handlers, current->handlers, sizeof child->handlers);
    child->restorer = current->restorer;
    child->blocked = current->blocked;
    fpu_fork(current, child);

    struct trap_frame *child_frame = process_trap_frame(child);
    *child_frame = *frame;
    child_frame->eax = 0;
    process_start(child, trap_return);
    return child->pid;
}
