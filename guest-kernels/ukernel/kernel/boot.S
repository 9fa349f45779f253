# Multiboot 1 entry: paging is off and the code runs at its physical address. Maps the first 8 MiB both at 0 and in
# the higher half, then enters C there.
#define KERNEL_BASE 0xC0000000
#define PHYSICAL(symbol) (symbol - KERNEL_BASE)

.section .multiboot, "a"
.balign 4
    .long 0x1BADB002            # Multiboot 0.6.96, 3.1.1: magic, flags (memory information), checksum
    .long 0x00000002
    .long -(0x1BADB002 + 0x00000002)

.text
.globl boot_entry
boot_entry:
    cli
    cld
    movl $PHYSICAL(boot_stack_end), %esp
    movl %eax, %ebp             # multiboot magic
    movl %ebx, %esi             # multiboot information

    movl $PHYSICAL(boot_tables), %edi
    movl $0x003, %eax           # present, writable
1:  movl %eax, (%edi)
    addl $4, %edi
    addl $0x1000, %eax
    cmpl $0x800003, %eax
    jne 1b

    movl $PHYSICAL(boot_tables) + 0x003, %eax
    movl %eax, PHYSICAL(boot_directory)
    movl %eax, PHYSICAL(boot_directory) + 768 * 4
    addl $0x1000, %eax
    movl %eax, PHYSICAL(boot_directory) + 4
    movl %eax, PHYSICAL(boot_directory) + 769 * 4

    movl $PHYSICAL(boot_directory), %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80010000, %eax       # CR0.PG, CR0.WP
    movl %eax, %cr0
    movl $1f, %eax
    jmp *%eax
1:  movl $boot_stack_end, %esp
    pushl %esi
    pushl %ebp
    xorl %ebp, %ebp
    call kernel_main

.bss
.balign 4096
boot_directory: .skip 4096
boot_tables:    .skip 8192
boot_stack:     .skip 8192
.globl boot_stack_end
boot_stack_end:
