// Descriptor tables and the upcall handler. The handler only counts and clears the request; checks take the pending bits themselves.
#include "../lib/debug_exit.h"
#include "../lib/descriptor.h"
#include "../lib/print.h"
#include "../lib/selectors.h"
#include "../lib/trap.h"
#include "upcall.h"
#include "xen.h"

static struct descriptor gdt[SELECTOR_KERNEL_DATA / 8 + 1], idt[TRAP_VECTORS];
static volatile uint32_t count;

void upcalls_init(void)
{
    gdt[SELECTOR_KERNEL_CODE / 8] = segment_descriptor(0, 0xFFFFF, ACCESS_PRESENT | ACCESS_CODE | ACCESS_READABLE, SEGMENT_FLAT);
    gdt[SELECTOR_KERNEL_DATA / 8] = segment_descriptor(0, 0xFFFFF, ACCESS_PRESENT | ACCESS_DATA | ACCESS_WRITABLE, SEGMENT_FLAT);
    for (uint32_t vector = 0; vector < TRAP_VECTORS; vector++)
        idt[vector] = gate_descriptor(SELECTOR_KERNEL_CODE, trap_stubs + vector * TRAP_STUB_SIZE, ACCESS_PRESENT | SYSTEM_INTERRUPT_GATE, 0);
    struct table_register gdtr = { sizeof gdt - 1, (uint32_t)gdt }, idtr = { sizeof idt - 1, (uint32_t)idt };
    asm volatile("lgdt %0; lidt %1; ljmp %2, $1f; 1: mov %3, %%ds; mov %3, %%es; mov %3, %%fs; mov %3, %%gs; mov %3, %%ss"
                 : : "m"(gdtr), "m"(idtr), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA) : "memory");
}

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector == UPCALL_VECTOR) {
        this_vcpu->upcall_pending = 0;
        count++;
        return;
    }
    print("xenabi: trap %u at %x\n", frame->vector, frame->eip);
    debug_exit(DEBUG_EXIT_FAILURE);
}

uint32_t upcalls(void)
{
    return count;
}

uint32_t take_event(void)
{
    this_vcpu->upcall_pending = 0;
    // Selectors say in which words to look; one port is taken at a time, so they are put back.
    uint32_t selectors = 0;
    asm volatile("xchg %0, %1" : "+r"(selectors), "+m"(this_vcpu->pending_selector) : : "memory");
    for (uint32_t port = 1; port < PORTS; port++) {
        uint32_t word = port / 32, bit = 1u << port % 32;
        if ((selectors >> word & 1) && (shared->pending[word] & ~shared->mask[word] & bit)) {
            asm volatile("lock andl %1, %0" : "+m"(shared->pending[word]) : "r"(~bit) : "memory");
            asm volatile("lock orl %1, %0" : "+m"(this_vcpu->pending_selector) : "r"(selectors) : "memory");
            return port;
        }
    }
    return 0;
}
