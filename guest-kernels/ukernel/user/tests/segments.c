/* Segment registers: kernel selectors and ones beyond the table fault on load, and no transfer reaches ring 0.
   (That null selectors fault on use is not asked: QEMU TCG does not check it.) */
#include "test.h"

static void load_kernel_data(void) { __asm__ volatile("movl $0x10, %%eax; movl %%eax, %%es" : : : "eax"); }
static void load_beyond(void) { __asm__ volatile("movl $0x7FF8, %%eax; movl %%eax, %%fs" : : : "eax"); }
static void load_task_state(void) { __asm__ volatile("movl $0x2B, %%eax; movl %%eax, %%gs" : : : "eax"); }
static void null_stack(void) { __asm__ volatile("xorl %%eax, %%eax; movl %%eax, %%ss" : : : "eax"); }
static void jump_to_kernel(void) { __asm__ volatile("ljmp $0x08, $0xC0100000"); }
static void return_to_kernel(void) { __asm__ volatile("pushl $0x08; pushl $0xC0100000; lret"); }
static void interrupt_return(void) { __asm__ volatile("pushl $0x02; pushl $0x08; pushl $0xC0100000; iret"); }
static void load_null(void) { __asm__ volatile("xorl %%eax, %%eax; movl %%eax, %%fs; movl %%eax, %%gs" : : : "eax"); }

static const struct { void (*run)(void); uint32_t error; const char *why; } cases[] = {
    { load_kernel_data, 0x10, "a kernel data selector was loaded" },
    { load_beyond, 0x7FF8, "a selector beyond the table was loaded" },
    { load_task_state, 0x28, "a system descriptor was loaded" },
    { null_stack, 0, "SS became null" },
    { jump_to_kernel, 0x08, "a far jump reached ring 0" },
    { return_to_kernel, 0x08, "a far return reached ring 0" },
    { interrupt_return, 0x08, "IRET reached ring 0" },
};

int main(void)
{
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        check(attempt(cases[i].run) && caught.trap == TRAP_GENERAL_PROTECTION && caught.error == cases[i].error, cases[i].why);
    check(!attempt(load_null), "null selectors may be loaded");
    uint32_t selectors[4];
    __asm__ volatile("movl %%cs, %0; movl %%ds, %1; movl %%es, %2; movl %%ss, %3"
                     : "=r"(selectors[0]), "=r"(selectors[1]), "=r"(selectors[2]), "=r"(selectors[3]));
    check((selectors[0] & 0xFFFF) == 0x1B && (selectors[1] & 0xFFFF) == 0x23 && (selectors[2] & 0xFFFF) == 0x23 &&
          (selectors[3] & 0xFFFF) == 0x23, "selectors changed");
    return 0;
}
