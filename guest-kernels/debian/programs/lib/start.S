# Entry of a static program without a C library (System V i386 ABI: argc, argv, envp and the auxiliary vector are on the stack).
    .globl _start
_start:
    xorl %ebp, %ebp
    movl %esp, %eax
    andl $-16, %esp
    subl $12, %esp
    pushl %eax
    call start_program          # (first word of the initial stack); does not return

# int32_t vsyscall(number, first, second, third): as a C library does it, through the entry that the kernel's vDSO offers.
    .globl vsyscall
vsyscall:
    pushl %ebx
    movl 8(%esp), %eax
    movl 12(%esp), %ebx
    movl 16(%esp), %ecx
    movl 20(%esp), %edx
    call *vsyscall_entry
    popl %ebx
    ret

# Where there is no vDSO.
    .globl int80_entry
int80_entry:
    int $0x80
    ret

    .data
    .globl vsyscall_entry
vsyscall_entry:
    .long int80_entry
