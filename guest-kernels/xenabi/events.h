#pragma once
#include <stdint.h>

enum {
    BIND_INTERDOMAIN = 0, BIND_VIRQ = 1, CLOSE = 3, SEND = 4, STATUS = 5, ALLOCATE_UNBOUND = 6, BIND_IPI = 7, BIND_VCPU = 8, UNMASK = 9,
    INIT_CONTROL = 11,
};

int32_t event_call(uint32_t operation, uint32_t port); // close, send, unmask
int32_t allocate_unbound(uint16_t remote, uint32_t *port);
int32_t bind_interdomain(uint32_t remote_port, uint32_t *port);
int32_t bind_virq(uint32_t virq, uint32_t vcpu, uint32_t *port);
int32_t bind_ipi(uint32_t vcpu, uint32_t *port);
