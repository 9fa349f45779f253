# From a gate of the IDT to trap_dispatch and back (SDM vol. 3, 6.12.1). Works whatever the data segment registers
# hold, and uses nothing but push, mov and iret on the way, so that it can report on any other instruction.
#include "selectors.h"

    .text
    # A contributory exception, an invalid TSS, a page fault ... pushes an error code: SDM vol. 3, table 6-1.
#define PUSHES_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

    .globl trap_stubs
    .balign 16
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !PUSHES_ERROR(vector)
    pushl $0
    .endif
    pushl $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

    .type trap_common, @function
trap_common:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    cld
    movl $SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    pushl %esp                  # struct trap_frame *
    call trap_dispatch
    addl $4, %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp               # vector, error
    iret
    .size trap_common, . - trap_common

    .section .note.GNU-stack, "", @progbits
