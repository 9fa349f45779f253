// apic: does a local APIC, and an I/O APIC, behave as the manuals say? Interrupts are counted by vector, in the order in which they come.
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/multiboot.h"
#include "../lib/pic.h"
#include "../lib/pit.h"
#include "../lib/port.h"
#include "../lib/print.h"
#include "../unruly/tables.h"
#include "../lib/trap.h"
#include "../lib/uart.h"
#include "apic.h"
#include "table.h"

enum { VECTOR_LOW = 0x41, VECTOR_HIGH = 0x61, VECTOR_TIMER = 0x71, VECTOR_INPUT = 0x81, VECTOR_SPURIOUS = 0xFF, NON_MASKABLE = 2 };
enum { TIMER_INPUT = 2, SERIAL_INPUT = 4, MOST = 16, TIMER_COUNT = 100000, PIT_TICKS = 1000 };
enum { CPUID_EDX_APIC = 1 << 9 };

static uint32_t taken[MOST], count, wrong, depth;
static bool nests, was_nested;

static void check(const char *name, bool right)
{
    print("%s %s\n", name, right ? "OK" : "WRONG");
    wrong += !right;
}

static void end_interrupt(void)
{
    apic_write(APIC_END_OF_INTERRUPT, 0);
}

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector < TRAP_EXCEPTIONS && frame->vector != NON_MASKABLE) {
        print("unexpected exception %u at %x\n", frame->vector, frame->eip);
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    if (count < MOST)
        taken[count++] = frame->vector;
    switch (frame->vector) {
    case NON_MASKABLE:
        was_nested = was_nested || depth > 0;
        depth++;
        if (nests) {
            nests = false;
            apic_write(APIC_COMMAND, APIC_TO_SELF | APIC_NON_MASKABLE);
            pit_gate_start(PIT_TICKS);
            while (!pit_gate_is_done())
                asm volatile("pause" : : : "memory");
        }
        depth--;
        break;
    case PIC_VECTOR_BASE + PIT_LINE:
        pic_end_of_interrupt(PIT_LINE);
        break;
    case VECTOR_INPUT:
        // Once more if nobody has taken care of the device.
        if (count > 1)
            port_write8(UART_COM1 + 1, 0);
        end_interrupt();
        break;
    default:
        end_interrupt();
    }
}

// Whatever comes within some 200 ms; stops at the number that is waited for.
static void wait_as_it_is(uint32_t wanted)
{
    for (uint32_t rounds = 0; rounds < 4; rounds++) {
        pit_gate_start(59659);
        while (*(volatile uint32_t *)&count < wanted && !pit_gate_is_done())
            asm volatile("pause" : : : "memory");
    }
}

// The same with interrupts on.
static void wait_for(uint32_t wanted)
{
    interrupts_on();
    wait_as_it_is(wanted);
    interrupts_off();
}

static bool came(uint32_t number, uint32_t first, uint32_t second)
{
    bool right = count == number && (number < 1 || taken[0] == first) && (number < 2 || taken[1] == second);
    count = 0;
    return right;
}

static void check_virtual_wire(void)
{
    check("enabled", apic_read(APIC_SPURIOUS) & APIC_ENABLED);
    check("lint0-external", (apic_read(APIC_LINT0) & (APIC_EXTERNAL | APIC_MASKED)) == APIC_EXTERNAL);
    pic_unmask(PIT_LINE);
    pit_start_once(PIT_TICKS);
    wait_for(1);
    // A tick of the firmware's timer may have come first.
    check("8259-through-lint0", count > 0 && taken[0] == PIC_VECTOR_BASE + PIT_LINE);
    count = 0;
    apic_write(APIC_LINT0, APIC_EXTERNAL | APIC_MASKED);
    pit_start_once(PIT_TICKS);
    wait_for(1);
    check("8259-masked-at-lint0", came(0, 0, 0));
    pic_mask_all();
}

static void check_priorities(void)
{
    apic_write(APIC_COMMAND, APIC_TO_SELF | VECTOR_LOW);
    apic_write(APIC_COMMAND, APIC_TO_SELF | VECTOR_HIGH);
    wait_for(2);
    check("higher-vector-first", came(2, VECTOR_HIGH, VECTOR_LOW));
    apic_write(APIC_TASK_PRIORITY, VECTOR_LOW);
    apic_write(APIC_COMMAND, APIC_TO_SELF | VECTOR_LOW);
    wait_for(1);
    check("task-priority-holds-off", came(0, 0, 0));
    interrupts_on();
    apic_write(APIC_TASK_PRIORITY, 0);
    wait_for(1);
    check("task-priority-lets-through", came(1, VECTOR_LOW, 0));
}

static void check_timer(void)
{
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_16);
    apic_write(APIC_TIMER, VECTOR_TIMER);
    apic_write(APIC_TIMER_INITIAL, TIMER_COUNT);
    check("timer-counts-down", apic_read(APIC_TIMER_CURRENT) <= TIMER_COUNT);
    wait_for(2);
    check("timer-once", came(1, VECTOR_TIMER, 0));
    check("timer-stays-at-zero", apic_read(APIC_TIMER_CURRENT) == 0);
    apic_write(APIC_TIMER, VECTOR_TIMER | APIC_PERIODIC);
    apic_write(APIC_TIMER_INITIAL, TIMER_COUNT);
    wait_for(3);
    apic_write(APIC_TIMER_INITIAL, 0);
    check("timer-again-and-again", count >= 3);
    apic_write(APIC_TIMER, APIC_MASKED);
    wait_for(MOST);
    count = 0;
}

static void check_inputs(void)
{
    check("io-apic-inputs", (io_apic_read(1) >> 16 & 0xFF) == 23);
    io_apic_route(TIMER_INPUT, VECTOR_LOW);
    pit_start_once(PIT_TICKS);
    wait_for(2);
    check("timer-through-io-apic", came(1, VECTOR_LOW, 0));
    io_apic_route(TIMER_INPUT, APIC_MASKED);

    // The transmitter is empty: the line is high until the interrupt is turned off at the device.
    io_apic_route(SERIAL_INPUT, VECTOR_INPUT | APIC_LEVEL);
    port_write8(UART_COM1 + 4, 0x0B); // OUT2 lets interrupts through
    port_write8(UART_COM1 + 1, 0x02);
    wait_for(3);
    check("level-comes-again", came(2, VECTOR_INPUT, VECTOR_INPUT));
    io_apic_route(SERIAL_INPUT, APIC_MASKED);
}

static void check_non_maskable(void)
{
    apic_write(APIC_COMMAND, APIC_TO_SELF | APIC_NON_MASKABLE);
    wait_as_it_is(1);
    check("nmi-with-interrupts-off", came(1, NON_MASKABLE, 0));
    nests = true;
    apic_write(APIC_COMMAND, APIC_TO_SELF | APIC_NON_MASKABLE);
    wait_as_it_is(2);
    check("nmi-after-nmi", came(2, NON_MASKABLE, NON_MASKABLE));
    check("nmi-not-within-nmi", !was_nested);
}

void kernel_main(uint32_t magic, const struct multiboot_info *info);

void kernel_main(uint32_t magic, const struct multiboot_info *info)
{
    (void)magic, (void)info;
    uart_init();
    tables_init();
    pic_init();
    check("cpuid", cpuid(1).edx & CPUID_EDX_APIC);
    check_table(check);
    check_virtual_wire();
    apic_write(APIC_SPURIOUS, APIC_ENABLED | VECTOR_SPURIOUS);
    check_priorities();
    check_timer();
    check_inputs();
    check_non_maskable();
    print("apic: %s\n", wrong ? "something is wrong" : "all right");
    debug_exit(wrong ? DEBUG_EXIT_FAILURE : DEBUG_EXIT_SUCCESS);
}
