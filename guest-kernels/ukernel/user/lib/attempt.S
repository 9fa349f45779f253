# bool attempt_call(void (*function)(void)): calls it; true when a signal handler sent EIP to attempt_recover instead.
# Restores the segment registers too, which some attempts spoil.
#include "cpu/segments.h"
.section .text
.globl attempt_call
attempt_call:
    movl 4(%esp), %eax
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl %esp, attempt_stack
    call *%eax
    xorl %eax, %eax
    jmp 1f
.globl attempt_recover
attempt_recover:
    movl attempt_stack, %esp
    movl $1, %eax
1:  movl $USER_DATA, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    movl %ecx, %fs
    movl %ecx, %gs
    cld
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

.section .bss
.balign 4
attempt_stack: .skip 4
