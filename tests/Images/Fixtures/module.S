# A stand-in for a loadable module of Linux: every way in which a displaced instruction can depend on its place.
# Built by: gcc -m32 -c -o module.o module.S && strip -x module.o
        .section .modinfo,"a"
        .string "license=MIT"
        .section .gnu.linkonce.this_module,"aw"
        .space 64

        .text
        .globl entry
        .type entry,@function
entry:
        push    %ebp
        mov     %esp, %ebp
        pushf                           # silent, one byte, with a relocated neighbour
        pop     %eax
        mov     %eax, flags
        cli
        mov     counter, %ecx
        mov     $0x80, %edx
        mov     $7, %eax
        out     %al, %dx                # one byte between a label and a call
        call    note_return
after:  nopl    0(%eax)
        xor     %esi, %esi
again:  mov     table(,%esi,4), %eax    # a switch: all its cases are relocations
        jmp     *%eax
        .p2align 4
case0:  sti
        inc     %ecx
        jmp     next
case1:  pushf
        andl    $0x200, (%esp)
        pop     %eax
        add     %eax, counter
        jmp     next
case2:  cpuid                           # leaking: five bytes of prefix before it
        mov     $3, %ecx
        jmp     far_away
        .globl  next
next:   inc     %esi
        cmp     $3, %esi
        jb      again
        call    redirected
        pop     %ebp
        ret

        .type note_return,@function
note_return:
        mov     (%esp), %eax
        sub     $after, %eax
        mov     %eax, seen_return
        ret

        # One byte between two labels that branches far away lead to.
        .type redirected,@function
redirected:
        mov     counter, %edx
        test    $1, %dl
        jne     long_way
        call    nothing
        je      1f
2:      sti
1:      mov     %edx, -4(%esp)
        add     $5, %edx
        mov     %edx, counter
        ret
        .type nothing,@function
nothing:
        test    %eax, %eax
        ret
        .space 160, 0x90
long_way:
        test    $2, %dl
        .byte   0x0f, 0x85              # jne 2b, in its long form
        .long   2b - . - 4
        .byte   0xe9                    # jmp 1b, in its long form
        .long   1b - . - 4

        .globl read_register
        .type read_register,@function
read_register:
        xor     %eax, %eax
        nop
3:      rdmsr                           # its fix-up is the instruction behind it
4:      mov     %eax, flags
        ret

        # An alternative as VMware's drivers have it: five bytes that the kernel may replace as a whole.
        .globl backdoor
        .type backdoor,@function
backdoor:
        xor     %eax, %eax
        xor     %ecx, %ecx
5:      mov     $0x5658, %dx
        in      (%dx), %eax
6:      mov     %eax, flags
        ret

        .section .altinstr_replacement,"ax"
7:      vmcall
8:
        .section .altinstructions,"a"
        .long   5b - ., 7b - .
        .word   0x112
        .byte   6b - 5b, 8b - 7b

        .section .text.unlikely,"ax"
far_away:
        cli
        mov     %ecx, flags+4
        sti
        jmp     next

        .data
counter:
        .long   40
flags:  .long   0, 0
seen_return:
        .long   -1

        .section .rodata,"a"
table:  .long   case0, case1, case2

        .section __ex_table,"a"
        .long   3b - .
        .long   4b - .
        .long   1
