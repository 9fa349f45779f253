// What ring 3 must not do, each with the exception that says so: privileged instructions, kernel selectors, gates
// and pages.
#include "../lib/cpu.h"
#include "../lib/trap.h"
#include "groups.h"
#include "user.h"

// A word of ring 0 that ring 3 tries to reach.
uint32_t kernel_secret = 0x5EC2E7;
// Operands that ring 3 may read, so that only the instruction itself can be at fault, and that do no harm should it
// be carried out: the tables that are in force (limits as in tables.c).
USER_CODE(operand, "", "user_gdt_register: .word 0xCF; .long gdt; user_idt_register: .word 0x47F; .long idt");

USER_CODE(cli, "", "cli");
USER_CODE(sti, "", "sti");
USER_CODE(hlt, "", "hlt");
USER_CODE(in, "", "inb $0x21, %al");
USER_CODE(outs, "movl $user_operand, %esi; movw $0x3FF, %dx", "outsb");
USER_CODE(lgdt, "", "lgdt user_gdt_register");
USER_CODE(lidt, "", "lidt user_idt_register");
USER_CODE(lldt, "xorl %eax, %eax", "lldt %ax");
USER_CODE(ltr, "xorl %eax, %eax", "ltr %ax");
USER_CODE(lmsw, "smsw %eax", "lmsw %ax");
USER_CODE(clts, "", "clts");
USER_CODE(mov_from_cr0, "", "movl %cr0, %eax");
USER_CODE(mov_to_cr0, "smsw %eax", "movl %eax, %cr0");
USER_CODE(mov_from_cr3, "", "movl %cr3, %eax");
USER_CODE(mov_to_cr3, "movl $page_directory, %eax", "movl %eax, %cr3");
USER_CODE(mov_from_dr, "", "movl %db0, %eax");
USER_CODE(mov_to_dr, "", "movl %eax, %db0");
USER_CODE(invlpg, "", "invlpg user_operand");
USER_CODE(wbinvd, "", "wbinvd");
USER_CODE(rdmsr, "movl $0x174, %ecx", "rdmsr");
USER_CODE(wrmsr, "movl $0x174, %ecx", "wrmsr");

USER_CODE(int_kernel_only, "", "int $0x44");
USER_CODE(int_beyond, "", "int $0xF0");
USER_CODE(load_ds, "movl $0x90, %eax", "movl %eax, %ds");
USER_CODE(load_ss, "movl $0x90, %eax", "movl %eax, %ss");
USER_CODE(load_fs_local, "movl $0x0C, %eax", "movl %eax, %fs");
USER_CODE(pop_es, "pushl $0x90", "popl %es");
USER_CODE(call_kernel, "", "lcall $0x88, $0");
USER_CODE(call_kernel_gate, "", "lcall $0x50, $0");
USER_CODE(iret_to_kernel, "pushl $2; pushl $0x88; pushl $0", "iret");
USER_CODE(lret_to_kernel, "pushl $0x88; pushl $0", "lret");
USER_CODE(read_kernel, "", "movl kernel_secret, %eax");
USER_CODE(write_kernel, "", "movl $0, kernel_secret");
USER_CODE(jump_kernel, "", "jmp far_target");
USER_CODE(read_alias, "", "movl kernel_secret + 0xC0000000, %eax");

USER_CODE(divide, "xorl %ecx, %ecx", "divl %ecx");
USER_CODE(undefined, "", "ud2");
USER_CODE(breakpoint, "", "int3");
USER_CODE(overflow, "movb $0x7F, %al; incb %al", "into");

extern const char far_target[];

static const struct {
    const char *name, *entry, *at;
    uint32_t vector, error;
} faults[] = {
#define PRIVILEGED(name, entry) { name, user_##entry, user_##entry##_at, TRAP_PROTECTION, 0 }
    PRIVILEGED("user-cli", cli),
    PRIVILEGED("user-sti", sti),
    PRIVILEGED("user-hlt", hlt),
    PRIVILEGED("user-in", in),
    PRIVILEGED("user-outs", outs),
    PRIVILEGED("user-lgdt", lgdt),
    PRIVILEGED("user-lidt", lidt),
    PRIVILEGED("user-lldt", lldt),
    PRIVILEGED("user-ltr", ltr),
    PRIVILEGED("user-lmsw", lmsw),
    PRIVILEGED("user-clts", clts),
    PRIVILEGED("user-mov-from-cr0", mov_from_cr0),
    PRIVILEGED("user-mov-to-cr0", mov_to_cr0),
    PRIVILEGED("user-mov-from-cr3", mov_from_cr3),
    PRIVILEGED("user-mov-to-cr3", mov_to_cr3),
    PRIVILEGED("user-mov-from-dr0", mov_from_dr),
    PRIVILEGED("user-mov-to-dr0", mov_to_dr),
    PRIVILEGED("user-invlpg", invlpg),
    PRIVILEGED("user-wbinvd", wbinvd),
    PRIVILEGED("user-rdmsr", rdmsr),
    PRIVILEGED("user-wrmsr", wrmsr),
#define FAULT(name, entry, vector, error) { name, user_##entry, user_##entry##_at, vector, error }
    FAULT("user-int-ring-0-gate", int_kernel_only, TRAP_PROTECTION, VECTOR_KERNEL_ONLY * 8 + 2),
    FAULT("user-int-beyond-idt", int_beyond, TRAP_PROTECTION, VECTOR_BEYOND * 8 + 2),
    FAULT("user-mov-ds-kernel", load_ds, TRAP_PROTECTION, SELECTOR_KERNEL_DATA),
    FAULT("user-mov-ss-kernel", load_ss, TRAP_PROTECTION, SELECTOR_KERNEL_DATA),
    FAULT("user-mov-fs-local-kernel", load_fs_local, TRAP_PROTECTION, SELECTOR_LOCAL_DATA),
    FAULT("user-pop-es-kernel", pop_es, TRAP_PROTECTION, SELECTOR_KERNEL_DATA),
    FAULT("user-far-call-kernel", call_kernel, TRAP_PROTECTION, SELECTOR_KERNEL_CODE),
    FAULT("user-far-call-ring-0-gate", call_kernel_gate, TRAP_PROTECTION, SELECTOR_GATE),
    FAULT("user-iret-kernel", iret_to_kernel, TRAP_PROTECTION, SELECTOR_KERNEL_CODE),
    FAULT("user-lret-kernel", lret_to_kernel, TRAP_PROTECTION, SELECTOR_KERNEL_CODE),
    // Page-fault error code: 1 present, 2 write, 4 user (SDM vol. 3, 4.7).
    FAULT("user-read-kernel-page", read_kernel, TRAP_PAGE_FAULT, 5),
    FAULT("user-write-kernel-page", write_kernel, TRAP_PAGE_FAULT, 7),
    FAULT("user-read-kernel-alias", read_alias, TRAP_PAGE_FAULT, 5),
    { "user-execute-kernel-page", user_jump_kernel, far_target, TRAP_PAGE_FAULT, 5 },
    FAULT("user-divide-error", divide, TRAP_DIVIDE, 0),
    FAULT("user-invalid-opcode", undefined, TRAP_INVALID_OPCODE, 0),
    { "user-int3", user_breakpoint, user_breakpoint_after, TRAP_BREAKPOINT, 0 },
    { "user-into", user_overflow, user_overflow_after, TRAP_OVERFLOW, 0 },
};

void check_user_faults(void)
{
    for (uint32_t i = 0; i < sizeof faults / sizeof *faults; i++)
        check_user_trap(faults[i].name, faults[i].entry, EFLAGS_FIXED, faults[i].vector, faults[i].error,
                        faults[i].at);
    check_equal("user-fault-kernel-word-intact", kernel_secret, 0x5EC2E7);
}
