# Calls a probe so that a trap can end it: dispatch.c sends control to guarded_resume, which finds the stack and the
# callee-saved registers where guarded_call left them. Either way segment registers and flags are set straight.
#include "selectors_quirks.h"

    .text
    # uint32_t guarded_call(probe *body)
    .globl guarded_call
    .type guarded_call, @function
guarded_call:
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl %esp, guarded_esp
    movl $0, guarded_was_cut
    movl 20(%esp), %eax
    pushl $0                    # where a probe returns to that lost words of its stack: page 0 is not mapped
    pushl $0
    call *%eax
    .globl guarded_resume
guarded_resume:                 # esp and the data segments may be anything
    movl $SELECTOR_KERNEL_DATA, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    movl %ecx, %fs
    movl %ecx, %gs
    movl guarded_esp, %esp
    cli
    cld
    movl $0, guarded_esp
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret
    .size guarded_call, . - guarded_call

    # void guarded_leave(void): out of a trap handler to guarded_resume, in ring 0 whatever ring was interrupted,
    # with TF, IF, NT and IOPL cleared
    .globl guarded_leave
    .type guarded_leave, @function
guarded_leave:
    movl $SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ss
    movl guarded_esp, %esp
    movl $1, guarded_was_cut
    pushl $2                    # EFLAGS: the fixed bit alone
    pushl $SELECTOR_KERNEL_CODE
    pushl $guarded_resume
    iret
    .size guarded_leave, . - guarded_leave

    .bss
    .balign 4
    .globl guarded_esp, guarded_was_cut
guarded_esp: .skip 4            # 0: no probe is running
guarded_was_cut: .skip 4

    .section .note.GNU-stack, "", @progbits
