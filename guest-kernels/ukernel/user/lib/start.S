# Where exec enters a program: argc and argv lie on the stack as main's arguments. And where signal handlers return to.
#include "abi/syscalls.h"

.section .text
.globl _start
_start:
    xorl %ebp, %ebp
    call main
    pushl %eax
    call exit

# Handlers return here; the context's address is the handler's second argument.
.globl signal_restorer
signal_restorer:
    movl 4(%esp), %ebx
    movl $SYS_sigreturn, %eax
    int $0x80
