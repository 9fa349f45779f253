# The same for x86-64, whose relocations carry their addends; only scanned.
# Built by: gcc -m64 -c -o module64.o module64.S && strip -x module64.o
        .section .modinfo,"a"
        .string "license=MIT"
        .section .gnu.linkonce.this_module,"aw"
        .space 64
        .text
        .globl entry
        .type entry,@function
entry:  pushfq
        pop     %rax
        cli
        swapgs
        rdfsbase %rax
        wrgsbase %rax
        mov     counter(%rip), %rcx
        call    helper
        mov     %cr3, %rax
        rdmsr
        wrmsr
        xsetbv
        xsave   (%rax)
        xrstor  (%rax)
        syscall
        sysretq
        iretq
        .section .text.unlikely,"ax"
        .type helper,@function
helper: sti
        ret
        .data
counter:
        .quad   entry
