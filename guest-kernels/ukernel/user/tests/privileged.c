/* Every privileged instruction in ring 3 is a general protection fault with error code 0, and does nothing. */
#include "test.h"

#define INSTRUCTION(name, text) static void name(void) { __asm__ volatile(text : : : "eax", "ebx", "ecx", "edx", "memory"); }
static uint8_t scratch[16] __attribute__((aligned(16), used));

INSTRUCTION(do_cli, "cli")
INSTRUCTION(do_sti, "sti")
INSTRUCTION(do_hlt, "hlt")
INSTRUCTION(do_in, "inb $0x21, %%al")
INSTRUCTION(do_in_dx, "movl $0x3F8, %%edx; inl %%dx, %%eax")
INSTRUCTION(do_out, "movb $0x10, %%al; outb %%al, $0xF4")
INSTRUCTION(do_ins, "movl $0x1F0, %%edx; pushl %%edi; movl $scratch, %%edi; insb; popl %%edi")
INSTRUCTION(do_outs, "movl $0x3F8, %%edx; pushl %%esi; movl $scratch, %%esi; outsb; popl %%esi")
INSTRUCTION(do_read_cr0, "movl %%cr0, %%eax")
INSTRUCTION(do_read_cr2, "movl %%cr2, %%eax")
INSTRUCTION(do_read_cr3, "movl %%cr3, %%eax")
INSTRUCTION(do_read_cr4, "movl %%cr4, %%eax")
INSTRUCTION(do_write_cr0, "xorl %%eax, %%eax; movl %%eax, %%cr0")
INSTRUCTION(do_write_cr3, "xorl %%eax, %%eax; movl %%eax, %%cr3")
INSTRUCTION(do_write_cr4, "xorl %%eax, %%eax; movl %%eax, %%cr4")
INSTRUCTION(do_read_dr7, "movl %%dr7, %%eax")
INSTRUCTION(do_write_dr0, "xorl %%eax, %%eax; movl %%eax, %%dr0")
INSTRUCTION(do_clts, "clts")
INSTRUCTION(do_lmsw, "xorl %%eax, %%eax; lmsw %%ax")
INSTRUCTION(do_lgdt, "lgdt scratch")
INSTRUCTION(do_lidt, "lidt scratch")
INSTRUCTION(do_lldt, "xorl %%eax, %%eax; lldt %%ax")
INSTRUCTION(do_ltr, "movl $0x28, %%eax; ltr %%ax")
INSTRUCTION(do_invlpg, "invlpg scratch")
INSTRUCTION(do_invd, "invd")
INSTRUCTION(do_wbinvd, "wbinvd")
INSTRUCTION(do_rdmsr, "movl $0x10, %%ecx; rdmsr")
INSTRUCTION(do_wrmsr, "movl $0x10, %%ecx; xorl %%eax, %%eax; xorl %%edx, %%edx; wrmsr")

static const struct { const char *name; void (*run)(void); } instructions[] = {
    { "CLI", do_cli }, { "STI", do_sti }, { "HLT", do_hlt }, { "IN", do_in }, { "IN from DX", do_in_dx }, { "OUT", do_out },
    { "INS", do_ins }, { "OUTS", do_outs }, { "MOV from CR0", do_read_cr0 }, { "MOV from CR2", do_read_cr2 },
    { "MOV from CR3", do_read_cr3 }, { "MOV from CR4", do_read_cr4 }, { "MOV to CR0", do_write_cr0 },
    { "MOV to CR3", do_write_cr3 }, { "MOV to CR4", do_write_cr4 }, { "MOV from DR7", do_read_dr7 },
    { "MOV to DR0", do_write_dr0 }, { "CLTS", do_clts }, { "LMSW", do_lmsw }, { "LGDT", do_lgdt }, { "LIDT", do_lidt },
    { "LLDT", do_lldt }, { "LTR", do_ltr }, { "INVLPG", do_invlpg }, { "INVD", do_invd }, { "WBINVD", do_wbinvd },
    { "RDMSR", do_rdmsr }, { "WRMSR", do_wrmsr },
};

int main(void)
{
    memset(scratch, 0, sizeof scratch);
    for (unsigned i = 0; i < sizeof instructions / sizeof *instructions; i++) {
        if (!attempt(instructions[i].run) || caught.signal != SIGSEGV || caught.trap != TRAP_GENERAL_PROTECTION || caught.error != 0) {
            print("(%s) ", instructions[i].name);
            fail("a privileged instruction did not fault");
        }
    }
    check(status_of(do_cli) == STATUS_KILLED(SIGSEGV), "the parent sees the wrong status");
    return 0;
}
