// Delivery: never while masked, never with interrupts or upcalls off, never lost.
#include "../lib/cpu.h"
#include "check.h"
#include "events.h"
#include "groups.h"
#include "upcall.h"
#include "xen.h"

// A hypercall that does nothing: when it returns, what is due has been delivered.
static void look(void)
{
    hypercall(CALL_VERSION, 0, 0, 0, 0);
}

void check_upcalls(void)
{
    uint32_t ipi, before = upcalls();
    bind_ipi(0, &ipi);
    uint32_t word = ipi / 32, bit = 1u << ipi % 32;

    event_call(SEND, ipi);
    look();
    check("upcall-none-with-interrupts-off", upcalls(), before);
    interrupts_on();
    look();
    interrupts_off();
    check("upcall-when-they-are-on", upcalls(), before + 1);
    check("upcall-says-which", take_event(), ipi);

    shared->mask[word] |= bit;
    interrupts_on();
    event_call(SEND, ipi);
    look();
    check("upcall-none-while-masked", upcalls(), before + 1);
    check_true("upcall-pending-while-masked", shared->pending[word] & bit);
    check("upcall-unmask", event_call(UNMASK, ipi), 0);
    look();
    check("upcall-after-unmask", upcalls(), before + 2);
    interrupts_off();
    check("upcall-unmask-says-which", take_event(), ipi);

    this_vcpu->upcall_mask = 1;
    interrupts_on();
    event_call(SEND, ipi);
    look();
    check("upcall-none-while-shut-off", upcalls(), before + 2);
    this_vcpu->upcall_mask = 0;
    look();
    check("upcall-when-allowed-again", upcalls(), before + 3);
    interrupts_off();
    check("upcall-shut-off-says-which", take_event(), ipi);

    interrupts_on();
    for (uint32_t i = 0; i < 1000; i++) {
        event_call(SEND, ipi);
        if (take_event() != ipi) // the handler has only counted
            check("upcall-each-of-many", i, 1000);
    }
    interrupts_off();
    check("upcall-each-of-many-came", upcalls(), before + 1003);
    event_call(CLOSE, ipi);
}
