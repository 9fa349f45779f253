// hvm_op: what guest and platform tell each other.
#include "check.h"
#include "groups.h"
#include "upcall.h"
#include "xen.h"

enum { SET = 0, GET = 1, GET_TIME = 10 };
enum { CALLBACK = 0, STORE_FRAME = 1, STORE_PORT = 2, CONSOLE_FRAME = 17, CONSOLE_PORT = 18 };

struct parameter {
    uint16_t domain, padding;
    uint32_t index;
    uint64_t value;
};

uint32_t parameter(uint32_t index)
{
    struct parameter query = { .domain = DOMAIN_SELF, .index = index };
    return hypercall(CALL_HVM, GET, at(&query), 0, 0) == 0 ? (uint32_t)query.value : 0;
}

void check_parameters(void)
{
    check_true("parameter-store-frame", parameter(STORE_FRAME) != 0);
    check_true("parameter-store-port", parameter(STORE_PORT) != 0);
    check_true("parameter-console-frame", parameter(CONSOLE_FRAME) != 0);
    check_true("parameter-console-port", parameter(CONSOLE_PORT) != 0);
    struct parameter query = { .domain = DOMAIN_SELF, .index = 99 };
    check("parameter-unknown", hypercall(CALL_HVM, GET, at(&query), 0, 0), INVALID);
    query.index = STORE_FRAME;
    check("parameter-not-ours-to-set", hypercall(CALL_HVM, SET, at(&query), 0, 0), NOT_PERMITTED);
    query.domain = DOMAIN_OTHER;
    check("parameter-of-another", hypercall(CALL_HVM, GET, at(&query), 0, 0), NOT_PERMITTED);
    check("parameter-from-nowhere", hypercall(CALL_HVM, GET, NOWHERE, 0, 0), FAULT);
    check("parameter-operation-unknown", hypercall(CALL_HVM, 77, at(&query), 0, 0), NO_SYSTEM_CALL);
    struct parameter callback = { .domain = DOMAIN_SELF, .index = CALLBACK, .value = 2ull << 56 | UPCALL_VECTOR };
    check("parameter-callback", hypercall(CALL_HVM, SET, at(&callback), 0, 0), 0);
    uint64_t first = 0, second = 0;
    check("parameter-time", hypercall(CALL_HVM, GET_TIME, at(&first), 0, 0), 0);
    hypercall(CALL_HVM, GET_TIME, at(&second), 0, 0);
    check_true("parameter-time-goes-on", second > first && first != 0);
}
