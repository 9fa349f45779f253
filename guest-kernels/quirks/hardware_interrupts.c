// Whether interrupts really come when the flag says so and stay away when it does not: the timer is made to request
// one, then each instruction that changes IF gets its turn. No loop here is unbounded but hlt, which is tried only
// after interrupts have been seen to work.
#include "../lib/cpu.h"
#include "../lib/pic.h"
#include "../lib/pit.h"
#include "check.h"
#include "dispatch.h"
#include "groups.h"
#include "selectors_quirks.h"

enum { SOON = 600 /* timer ticks, half a millisecond */, LATER = 6000, MUCH_LATER = 65535, MANY_TRIES = 200000 };

// The timer's request waits in the interrupt controller; with IF set it would be taken at once.
static bool request_pending(void)
{
    pit_start_once(SOON);
    pic_unmask(PIT_LINE);
    for (uint32_t i = 0; i < MANY_TRIES && !pic_is_requested(PIT_LINE); i++)
        if (interrupt_count)
            return false;
    return pic_is_requested(PIT_LINE);
}

// Takes what is left pending, so that every probe begins with none.
static void drain(void)
{
    pic_unmask(PIT_LINE);
    interrupts_on();
    asm volatile("nop; nop");
    for (uint32_t i = 0; i < 1000 && pic_is_requested(PIT_LINE); i++)
        ;
    interrupts_off();
    pic_mask_all();
    interrupt_count = 0;
}

static uint32_t wait_for_interrupt(void)
{
    for (uint32_t i = 0; i < 1000 && !interrupt_count; i++)
        asm volatile("pause");
    uint32_t saw = interrupt_count;
    drain();
    return saw;
}

static uint32_t taken_so_far(void)
{
    uint32_t saw = interrupt_count;
    drain();
    return saw;
}

enum { NOT_REQUESTED = 0xBAD };

PROBE cli_holds(void)
{
    interrupts_off();
    return request_pending() ? taken_so_far() : NOT_REQUESTED;
}

PROBE sti_lets_in(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    interrupts_on();
    return wait_for_interrupt();
}

PROBE sti_shadow(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    asm volatile("sti; cli" : : : "memory"); // SDM vol. 2, STI: nothing comes between
    return taken_so_far();
}

PROBE sti_shadow_is_one_instruction(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    asm volatile("sti; nop; nop; nop; cli" : : : "memory");
    return taken_so_far();
}

PROBE popf_lets_in(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    asm volatile("pushl %0; popfl" : : "i"(EFLAGS_FIXED | EFLAGS_INTERRUPT) : "cc", "memory");
    return wait_for_interrupt();
}

PROBE popf_holds(void)
{
    interrupts_on();
    asm volatile("pushl %0; popfl" : : "i"(EFLAGS_FIXED) : "cc", "memory");
    bool pending = request_pending();
    uint32_t saw = taken_so_far();
    return pending || saw ? saw : NOT_REQUESTED;
}

PROBE save_restore_lets_in(void)
{
    uint32_t flags;
    interrupts_on();
    asm volatile("pushfl; popl %0; cli" : "=r"(flags) : : "memory");
    if (!request_pending())
        return NOT_REQUESTED;
    asm volatile("pushl %0; popfl" : : "r"(flags) : "cc", "memory");
    return wait_for_interrupt();
}

PROBE save_restore_holds(void)
{
    uint32_t flags;
    asm volatile("pushfl; popl %0; cli" : "=r"(flags) : : "memory");
    asm volatile("pushl %0; popfl" : : "r"(flags) : "cc", "memory");
    bool pending = request_pending();
    uint32_t saw = taken_so_far();
    return pending || saw ? saw : NOT_REQUESTED;
}

PROBE iret_lets_in(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    asm volatile("pushl %0; pushl %1; pushl $1f; iret; 1:"
                 :
                 : "i"(EFLAGS_FIXED | EFLAGS_INTERRUPT), "i"(SELECTOR_KERNEL_CODE)
                 : "cc", "memory");
    return wait_for_interrupt();
}

PROBE interrupt_around_int(void)
{
    // Taken behind the handler of int n: once, and with the registers kept.
    if (!request_pending())
        return NOT_REQUESTED;
    uint32_t a = 0x1111, b = 0x2222;
    asm volatile("sti; int %2; nop" : "+b"(a), "+S"(b) : "i"(VECTOR_INTERRUPT_GATE) : "memory");
    uint32_t vector = last_trap.vector;
    return wait_for_interrupt() + a + b + (vector << 16);
}

PROBE masked_line_holds(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    pic_mask_all();
    interrupts_on();
    asm volatile("nop; nop; nop; nop");
    interrupts_off();
    return taken_so_far();
}

PROBE halt_wakes(void)
{
    pic_unmask(PIT_LINE);
    pit_start_once(LATER);
    asm volatile("sti; hlt; cli" : : : "memory");
    return taken_so_far();
}

PROBE halt_with_pending(void)
{
    if (!request_pending())
        return NOT_REQUESTED;
    asm volatile("sti; hlt; cli" : : : "memory"); // the shadow of sti covers hlt: no wake-up is lost
    return taken_so_far();
}

static uint32_t halt_result(probe *body, bool interrupts_work)
{
    uint32_t saw;
    return interrupts_work && run_guarded(body, &saw) ? saw : NOT_REQUESTED;
}

void check_hardware_interrupts(void)
{
    // Firmware leaves the timer ticking: silence it, and let the controllers forget a tick that came before.
    pit_start_once(MUCH_LATER);
    pic_init();
    uint32_t first = 0;
    bool interrupts_work = run_guarded(sti_lets_in, &first) && first == 1;
    check_value("irq-cli-holds", cli_holds, 0);
    check_value("irq-sti", sti_lets_in, 1);
    check_value("irq-sti-shadow", sti_shadow, 0);
    check_value("irq-sti-shadow-ends", sti_shadow_is_one_instruction, 1);
    check_value("irq-popf", popf_lets_in, 1);
    check_value("irq-popf-holds", popf_holds, 0);
    check_value("irq-pushf-cli-popf", save_restore_lets_in, 1);
    check_value("irq-pushf-cli-popf-nested", save_restore_holds, 0);
    check_value("irq-iret", iret_lets_in, 1);
    check_value("irq-around-int-n", interrupt_around_int, VECTOR_INTERRUPT_GATE << 16 | 0x3334);
    check_value("irq-masked-line", masked_line_holds, 0);
    check_equal("hlt-wakes", halt_result(halt_wakes, interrupts_work), 1);
    check_equal("hlt-after-sti-with-pending", halt_result(halt_with_pending, interrupts_work), 1);
}
