# Every way into the kernel after boot: one stub a vector pushes what the CPU did not, then one common path
# builds struct trap_frame and calls C. Fresh processes leave through trap_return too.
#include "cpu/segments.h"

.text

# Vectors whose error code the CPU pushes itself (SDM vol. 3 table 6-1).
.macro stub vector
stub_\vector:
    .if \vector != 8 && (\vector < 10 || \vector > 14) && \vector != 17
    pushl $0
    .endif
    pushl $\vector
    jmp trap_entry
.endm

.altmacro
.macro numbered vector
    stub \vector
.endm
.set i, 0
.rept 48
    numbered %i
    .set i, i + 1
.endr

stub_syscall:
    pushl $0
    pushl $0x80
    jmp trap_entry

trap_entry:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    movl $KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    cld
    pushl %esp
    call trap_dispatch
    addl $4, %esp

.globl trap_return
trap_return:
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp               # vector and error code
    iret

.section .rodata
.globl trap_stubs
.macro pointer vector
    .long stub_\vector
.endm
.balign 4
trap_stubs:
.set i, 0
.rept 48
    pointer %i
    .set i, i + 1
.endr
    .long stub_syscall
