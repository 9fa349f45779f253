// event_channel_op: what ports can be, and what they cannot.
#include "check.h"
#include "events.h"
#include "floods.h"
#include "groups.h"
#include "parameters.h"
#include "upcall.h"
#include "xen.h"

int32_t event_call(uint32_t operation, uint32_t port)
{
    return hypercall(CALL_EVENT, operation, at(&port), 0, 0);
}

int32_t allocate_unbound(uint16_t remote, uint32_t *port)
{
    struct { uint16_t domain, remote; uint32_t port; } arguments = { DOMAIN_SELF, remote, 0 };
    int32_t result = hypercall(CALL_EVENT, ALLOCATE_UNBOUND, at(&arguments), 0, 0);
    *port = arguments.port;
    return result;
}

int32_t bind_interdomain(uint32_t remote_port, uint32_t *port)
{
    struct { uint16_t remote; uint32_t remote_port, port; } arguments = { DOMAIN_SELF, remote_port, 0 };
    int32_t result = hypercall(CALL_EVENT, BIND_INTERDOMAIN, at(&arguments), 0, 0);
    *port = arguments.port;
    return result;
}

int32_t bind_virq(uint32_t virq, uint32_t vcpu, uint32_t *port)
{
    struct { uint32_t virq, vcpu, port; } arguments = { virq, vcpu, 0 };
    int32_t result = hypercall(CALL_EVENT, BIND_VIRQ, at(&arguments), 0, 0);
    *port = arguments.port;
    return result;
}

int32_t bind_ipi(uint32_t vcpu, uint32_t *port)
{
    struct { uint32_t vcpu, port; } arguments = { vcpu, 0 };
    int32_t result = hypercall(CALL_EVENT, BIND_IPI, at(&arguments), 0, 0);
    *port = arguments.port;
    return result;
}

static uint32_t status_of(uint32_t port)
{
    struct { uint16_t domain; uint32_t port, status, vcpu, first, second; } query = { DOMAIN_SELF, port, 99, 0, 0, 0 };
    return hypercall(CALL_EVENT, STATUS, at(&query), 0, 0) == 0 ? query.status : 99;
}

void check_events(void)
{
    uint32_t listener, caller, other;
    check("event-allocate", allocate_unbound(DOMAIN_SELF, &listener), 0);
    check("event-is-unbound", status_of(listener), 1);
    check("event-send-to-nobody", event_call(SEND, listener), 0);
    check("event-bind", bind_interdomain(listener, &caller), 0);
    check("event-is-bound", status_of(listener), 2);
    check("event-new-end-looks-once", take_event(), caller);
    check("event-bind-twice", bind_interdomain(listener, &other), INVALID);
    check("event-send", event_call(SEND, caller), 0);
    check("event-arrives", take_event(), listener);
    check("event-once", take_event(), 0);
    check("event-close", event_call(CLOSE, caller), 0);
    check("event-closed", status_of(caller), 0);
    check("event-other-end-waits-again", status_of(listener), 1);
    check("event-close-twice", event_call(CLOSE, caller), INVALID);
    event_call(CLOSE, listener);

    uint32_t timer, debug, ipi;
    check("event-virq", bind_virq(1, 0, &debug), 0);
    check("event-virq-twice", bind_virq(1, 0, &other), EXISTS);
    check("event-virq-unknown", bind_virq(24, 0, &other), INVALID);
    check("event-virq-no-such-vcpu", bind_virq(0, 1, &other), NO_ENTRY);
    check("event-virq-status", status_of(debug), 4);
    check("event-send-on-virq", event_call(SEND, debug), INVALID);
    event_call(CLOSE, debug);
    check("event-timer-is-bound-to-its-vcpu", bind_virq(0, 0, &timer), 0);
    struct { uint32_t port, vcpu; } bind = { timer, 0 };
    check("event-timer-cannot-move", hypercall(CALL_EVENT, BIND_VCPU, at(&bind), 0, 0), INVALID);
    event_call(CLOSE, timer);
    check("event-ipi", bind_ipi(0, &ipi), 0);
    check("event-ipi-no-such-vcpu", bind_ipi(7, &other), NO_ENTRY);
    check("event-ipi-send", event_call(SEND, ipi), 0);
    check("event-ipi-arrives", take_event(), ipi);
    event_call(CLOSE, ipi);

    check("event-port-0", event_call(SEND, 0), INVALID);
    check("event-port-1024", event_call(UNMASK, 1024), INVALID);
    check("event-port-largest", event_call(CLOSE, 0xFFFFFFFF), INVALID);
    check("event-from-nowhere", hypercall(CALL_EVENT, SEND, NOWHERE, 0, 0), FAULT);
    check("event-no-fifo", hypercall(CALL_EVENT, INIT_CONTROL, at(&bind), 0, 0), NO_SYSTEM_CALL);
    struct { uint16_t domain, remote; uint32_t port; } foreign = { DOMAIN_OTHER, DOMAIN_SELF, 0 };
    check("event-for-another", hypercall(CALL_EVENT, ALLOCATE_UNBOUND, at(&foreign), 0, 0), NOT_PERMITTED);
    struct { uint16_t remote; uint32_t remote_port, port; } stranger = { DOMAIN_OTHER, 1, 0 };
    check("event-to-a-stranger", hypercall(CALL_EVENT, BIND_INTERDOMAIN, at(&stranger), 0, 0), NO_DOMAIN);
}

// XenStore is told again and again that there is something, and there is nothing.
void flood_events(void)
{
    for (uint32_t port = parameter(PARAMETER_STORE_PORT);;)
        event_call(SEND, port);
}
