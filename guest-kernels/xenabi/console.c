// The console: by hypercall, and by its ring. What goes out by either is seen between the lines of the serial port.
#include "check.h"
#include "events.h"
#include "floods.h"
#include "groups.h"
#include "parameters.h"
#include "text.h"
#include "xen.h"

struct interface {
    uint8_t input[1024], output[2048];
    volatile uint32_t input_consumer, input_producer, output_consumer, output_producer;
};

void check_console(void)
{
    static const char by_call[] = "said by hypercall\n", by_ring[] = "said by ring\n";
    check("console-call", hypercall(CALL_CONSOLE, 0, length_of(by_call), at(by_call), 0), 0);
    check("console-call-unknown", hypercall(CALL_CONSOLE, 5, 1, at(by_call), 0), NO_SYSTEM_CALL);
    check("console-call-from-nowhere", hypercall(CALL_CONSOLE, 0, 1, NOWHERE, 0), FAULT);
    struct interface *ring = (struct interface *)(parameter(PARAMETER_CONSOLE_FRAME) << 12);
    for (const char *c = by_ring; *c; c++)
        ring->output[ring->output_producer++ % sizeof ring->output] = (uint8_t)*c;
    check("console-ring", event_call(SEND, parameter(PARAMETER_CONSOLE_PORT)), 0);
    check("console-ring-is-taken", ring->output_consumer, ring->output_producer);
}

void flood_console(void)
{
    struct interface *ring = (struct interface *)(parameter(PARAMETER_CONSOLE_FRAME) << 12);
    for (uint32_t port = parameter(PARAMETER_CONSOLE_PORT);;) {
        while (ring->output_producer - ring->output_consumer < sizeof ring->output)
            ring->output[ring->output_producer++ % sizeof ring->output] = '~';
        event_call(SEND, port);
    }
}
