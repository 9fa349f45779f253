# Trap handlers of a few instructions each, and the loop that makes system calls from ring 3.
#include "../lib/selectors.h"

    .set window, 0x40000000     # PAGING_WINDOW
    .set window_size, 0x400000

    .text
    .p2align 4
    .globl handle_nothing
handle_nothing:
    iret

    .p2align 4
    .globl handle_divide        # the faulting instruction is `divl %ecx`, two bytes: go on behind it
handle_divide:
    addl $2, (%esp)
    iret

    .p2align 4
    .globl handle_page_fault    # maps the missing page of the window; anything else is unexpected
handle_page_fault:
    pushl %eax
    pushl %edx
    movl %cr2, %eax
    subl $window, %eax
    cmpl $window_size, %eax
    jae 1f
    shrl $12, %eax
    movl fault_entry, %edx
    movl %edx, window_table(, %eax, 4)
    popl %edx
    popl %eax
    addl $4, %esp               # error code
    iret
1:  popl %edx
    popl %eax
    jmp trap_stubs + 14 * 16 + 0

    # void run_user_loop(uint32_t iterations)
    .globl run_user_loop
    .type run_user_loop, @function
run_user_loop:
    pushal
    movl 36(%esp), %ecx         # above eight registers and the return address
    movl %esp, kernel_esp
    pushl $SELECTOR_USER_DATA
    pushl $user_stack_top
    pushl $2                    # EFLAGS: interrupts off
    pushl $SELECTOR_USER_CODE
    pushl $user_loop
    iret
    .p2align 4
    .globl handle_leave_user
handle_leave_user:
    movl $SELECTOR_KERNEL_DATA, %eax # ring 3 was entered with kernel segments, so they are null now
    movl %eax, %ds
    movl %eax, %es
    movl kernel_esp, %esp
    popal
    ret
    .size run_user_loop, . - run_user_loop

    .section .user, "ax"
    .type user_loop, @function
user_loop:
1:  int $0x80
    decl %ecx
    jnz 1b
    int $0x81
    .size user_loop, . - user_loop

    .bss
    .balign 4
kernel_esp: .skip 4
    .globl fault_entry
fault_entry: .skip 4

    .section .bss.user, "aw", @nobits
    .skip 4096
user_stack_top:

    .section .note.GNU-stack, "", @progbits
