# One sequence of sensitive instructions, assembled twice: as code that is reachable and runs, and as constants. A
# kernel that reads its own code must find there what its linker put there, and constants are no code to patch.
    .macro sensitive_sequence
    pushfl
    cli
    sgdt -16(%esp)
    sidt -16(%esp)
    smsw %ax
    sldt %ax
    str %ax
    movl %cs, %eax
    pushl %cs
    popl %eax
    movl %ds, %eax
    pushl %ds
    popl %ds
    movl %cr0, %eax
    inb $0x80, %al
    popfl
    movl $0x600D, %eax
    .endm

    .text
    .globl sensitive_code, sensitive_code_end
    .type sensitive_code, @function
sensitive_code:
    sensitive_sequence
sensitive_code_end:
    ret
    .size sensitive_code, . - sensitive_code

    .section .rodata
    .globl sensitive_constants
    .type sensitive_constants, @object
sensitive_constants:
    sensitive_sequence
    .size sensitive_constants, . - sensitive_constants

    .section .note.GNU-stack, "", @progbits
