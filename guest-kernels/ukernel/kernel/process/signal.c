/* Delivers signals: pushes a signal_context and a call of the handler on the user stack; without a handler, or when
   an exception strikes while its signal is blocked, the process dies with the signal as its status. */
#include "process/signal.h"
#include "abi/errors.h"
#include "cpu/instructions.h"
#include "cpu/segments.h"
#include "cpu/trap.h"
#include "memory/user_copy.h"
#include "process/process.h"

#define EFLAGS_USER 0x00000DD5u /* CF PF AF ZF SF TF DF OF: all that a handler may change */
#define EFLAGS_RF 0x10000u

bool signal_pending(const struct process *process) { return process->pending & ~process->blocked; }

void signal_send(struct process *process, uint32_t signal)
{
    uint32_t flags = interrupts_save();
    process->pending |= 1u << signal;
    if (process->state == PROCESS_SLEEPING && signal_pending(process))
        make_ready(process); /* whoever sleeps uninterruptibly checks its condition again */
    interrupts_restore(flags);
}

void signal_exception(struct trap_frame *frame, uint32_t signal, uint32_t address)
{
    if (!current->handlers[signal] || current->blocked & 1u << signal)
        process_exit(STATUS_KILLED(signal));
    current->exception.trap = frame->vector;
    current->exception.error = frame->error;
    current->exception.fault_address = address;
    current->exception.signal = signal;
    current->pending |= 1u << signal;
}

static void call_handler(struct trap_frame *frame, uint32_t signal)
{
    struct {
        uint32_t restorer, signal, context_address;
        struct signal_context context;
    } stack;
    struct signal_context *context = &stack.context;
    bool is_exception = current->exception.signal == signal;
    context->signal = signal;
    context->trap = is_exception ? current->exception.trap : NO_TRAP;
    context->error = is_exception ? current->exception.error : 0;
    context->fault_address = is_exception ? current->exception.fault_address : 0;
    current->exception.signal = is_exception ? 0 : current->exception.signal;
    context->edi = frame->edi;
    context->esi = frame->esi;
    context->ebp = frame->ebp;
    context->ebx = frame->ebx;
    context->edx = frame->edx;
    context->ecx = frame->ecx;
    context->eax = frame->eax;
    context->eip = frame->eip;
    context->eflags = frame->eflags;
    context->esp = frame->esp;
    context->blocked = current->blocked;

    uint32_t address = ((frame->esp - sizeof stack) & ~15u) - 4; /* handlers expect an aligned stack above the return address */
    stack.restorer = current->restorer;
    stack.signal = signal;
    stack.context_address = address + __builtin_offsetof(__typeof__(stack), context);
    sti();
    bool written = copy_to_user(address, &stack, sizeof stack); /* may fault the stack in */
    cli();
    if (!written)
        process_exit(STATUS_KILLED(SIGSEGV));
    current->blocked |= 1u << signal;
    frame->ds = frame->es = frame->fs = frame->gs = frame->ss = USER_DATA;
    frame->cs = USER_CODE;
    frame->esp = address;
    frame->eip = current->handlers[signal];
    frame->eflags = EFLAGS_IF | 2;
}

void signal_deliver(struct trap_frame *frame)
{
    while (signal_pending(current)) {
        uint32_t signal = current->exception.signal; /* first, while the frame still shows the faulting instruction */
        if (!signal)
            signal = __builtin_ctz(current->pending & ~current->blocked);
        current->pending &= ~(1u << signal);
        if (!current->handlers[signal]) {
            sti();
            process_exit(STATUS_KILLED(signal));
        }
        call_handler(frame, signal);
    }
}

int signal_register(uint32_t signal, uint32_t handler, uint32_t restorer)
{
    if (signal == 0 || signal >= SIGNAL_COUNT || signal == SIGKILL)
        return -EINVAL;
    int old = current->handlers[signal];
    current->handlers[signal] = handler;
    current->restorer = restorer;
    return old;
}

/* Selectors, IF and IOPL are the kernel's choice: a forged context gains nothing. */
int signal_return(struct trap_frame *frame, uint32_t context_address)
{
    struct signal_context context;
    if (!copy_from_user(&context, context_address, sizeof context))
        process_exit(STATUS_KILLED(SIGSEGV));
    current->blocked = context.blocked & ~(1u << SIGKILL);
    frame->edi = context.edi;
    frame->esi = context.esi;
    frame->ebp = context.ebp;
    frame->ebx = context.ebx;
    frame->edx = context.edx;
    frame->ecx = context.ecx;
    frame->eip = context.eip;
    frame->esp = context.esp;
    frame->eflags = (context.eflags & (EFLAGS_USER | EFLAGS_RF)) | EFLAGS_IF | 2;
    frame->ds = frame->es = frame->fs = frame->gs = frame->ss = USER_DATA;
    frame->cs = USER_CODE;
    return context.eax;
}
