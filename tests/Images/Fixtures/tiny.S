.section .multiboot,"a"
.long 0x1BADB002, 0, -0x1BADB002
.text
.globl _start
.type _start,@function
_start:
  cli
  mov $stack, %esp
  call work
1: hlt
  jmp 1b
.type work,@function
work:
  pushf
  pop %eax
  sti
  cpuid
  mov %cs, %ecx
  jmp *table(,%ebx,4)
case0: rdtsc
  ret
case1: sgdt 8(%esp)
  ret
message: .asciz "in text: lmno lmno lmno"
.type copied,@function
copied:
  out %al, $0x80
  ret
.section .rodata
table: .long case0, case1
.bss
.space 4096
stack:
