# PVH (Xen docs/misc/pvh.pandoc): a note names the entry, which is reached in flat protected mode with EBX at the start information.
# What the processor was like is kept for C to judge.
#define XEN_ELFNOTE_PHYS32_ENTRY 18 // Xen public/elfnote.h

    .section .note.Xen, "a", @note
    .balign 4
    .long 4                     # size of the name
    .long 4                     # size of the value
    .long XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_start

    .text
    .globl pvh_start
    .type pvh_start, @function
pvh_start:
    movl $boot_stack_top, %esp
    pushfl
    popl entry_eflags
    movl %cr0, %eax
    movl %eax, entry_cr0
    movl %cr4, %eax
    movl %eax, entry_cr4
    cld
    xorl %ebp, %ebp
    pushl %ebx                  # struct start_info *
    call kernel_main
1:  cli
    hlt
    jmp 1b
    .size pvh_start, . - pvh_start

# Where a loader ends up that takes the ELF file's own entry point, as for a plain kernel.
    .globl plain_start
    .type plain_start, @function
plain_start:
    movl $boot_stack_top, %esp
    pushl $0
    call kernel_main
    jmp 1b
    .size plain_start, . - plain_start

    .bss
    .balign 16
    .skip 16384
boot_stack_top:
    .globl entry_eflags, entry_cr0, entry_cr4
entry_eflags: .skip 4
entry_cr0: .skip 4
entry_cr4: .skip 4

    .section .note.GNU-stack, "", @progbits
