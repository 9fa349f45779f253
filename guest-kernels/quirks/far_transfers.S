# The far side of far calls and gates. CS in the upper half of eax is the selector in force here, the lower half what
# the call pushed.
    .text
    .globl far_target, gate_target
    .type far_target, @function
far_target:
gate_target:
    movl %cs, %eax
    shll $16, %eax
    movw 4(%esp), %ax
    lret
    .size far_target, . - far_target

    .globl far_target_pop
    .type far_target_pop, @function
far_target_pop:
    movl %cs, %eax
    shll $16, %eax
    movw 4(%esp), %ax
    lret $8
    .size far_target_pop, . - far_target_pop

    .globl gate_target_two_parameters
    .type gate_target_two_parameters, @function
gate_target_two_parameters:     # ring 0: eip, cs, second, first, esp, ss
    movl %cs, %eax
    shll $16, %eax
    movw 12(%esp), %ax
    subw 8(%esp), %ax
    lret $8
    .size gate_target_two_parameters, . - gate_target_two_parameters

    .section .note.GNU-stack, "", @progbits
