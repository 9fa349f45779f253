# The first instructions after a multiboot 1 loader (Multiboot Specification 0.6.96, 3.1 and 3.2): a stack of our own,
# then C. The loader has cleared .bss, as it does for an ELF image, and left paging and interrupts off.
#include "multiboot.h"

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_HEADER_MAGIC
    .long MULTIBOOT_HEADER_FLAGS
    .long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_HEADER_FLAGS)

    .text
    .globl _start
    .type _start, @function
_start:
    cli
    cld
    movl $boot_stack_top, %esp
    xorl %ebp, %ebp
    pushl %ebx                  # struct multiboot_info *
    pushl %eax                  # the loader's magic
    call kernel_main
1:  cli
    hlt
    jmp 1b
    .size _start, . - _start

    .bss
    .balign 16
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
