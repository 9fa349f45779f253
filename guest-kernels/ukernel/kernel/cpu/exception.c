/* Exceptions: page faults go to the address space, #NM to the FPU; the rest of ring 3 become signals,
   the rest of ring 0 are our bug. */
#include "console.h"
#include "cpu/fpu.h"
#include "cpu/instructions.h"
#include "cpu/trap.h"
#include "memory/address_space.h"
#include "memory/user_copy.h"
#include "process/process.h"
#include "process/signal.h"

static const uint8_t signal_of_vector[32] = {
    [0] = SIGFPE, [1] = SIGTRAP, [3] = SIGTRAP, [4] = SIGSEGV, [5] = SIGSEGV, [6] = SIGILL, [7] = SIGILL,
    [10] = SIGSEGV, [11] = SIGSEGV, [12] = SIGBUS, [13] = SIGSEGV, [14] = SIGSEGV, [16] = SIGFPE, [17] = SIGBUS, [19] = SIGFPE,
};

static void die(const struct trap_frame *frame, uint32_t address)
{
    panic("exception %u error %x at %x, CR2 %x", frame->vector, frame->error, frame->eip, address);
}

static void page_fault(struct trap_frame *frame)
{
    uint32_t address = read_cr2(); /* before another fault can overwrite it */
    if (frame->eflags & EFLAGS_IF)
        sti();

    enum fault_result result = FAULT_BAD_ACCESS;
    if (current && address < USER_END)
        result = address_space_fault(&current->space, address, frame->error);
    if (result == FAULT_RESOLVED)
        return;
    if (!trap_from_user(frame)) {
        if (!user_copy_fixup(frame))
            die(frame, address);
    } else if (result == FAULT_NO_MEMORY) {
        signal_send(current, SIGKILL);
    } else {
        signal_exception(frame, SIGSEGV, address);
    }
}

void exception_handle(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_PAGE_FAULT) {
        page_fault(frame);
        return;
    }
    if (!trap_from_user(frame) || !signal_of_vector[frame->vector])
        die(frame, 0);
    if (frame->vector == VECTOR_DEVICE_NOT_AVAILABLE && fpu_available()) {
        fpu_acquire();
        return;
    }
    sti();
    signal_exception(frame, signal_of_vector[frame->vector], 0);
}
