// multicall: a list of hypercalls, each with a result of its own.
#include "check.h"
#include "groups.h"
#include "xen.h"

struct call {
    uint32_t operation;
    int32_t result;
    uint32_t arguments[6];
};

void check_batches(void)
{
    struct call calls[4] = {
        { CALL_VERSION, 99, { 7 } },
        { 120, 99, { 0 } },
        { CALL_MULTICALL, 99, { 0 } },
        { CALL_VCPU, 99, { 3, 0 } },
    };
    check("batch", hypercall(CALL_MULTICALL, at(calls), 4, 0, 0), 0);
    check("batch-first", calls[0].result, 4096);
    check("batch-unknown", calls[1].result, NO_SYSTEM_CALL);
    check("batch-not-in-itself", calls[2].result, INVALID);
    check("batch-last", calls[3].result, 1);
    check("batch-too-long", hypercall(CALL_MULTICALL, at(calls), 5000, 0, 0), INVALID);
    check("batch-nowhere", hypercall(CALL_MULTICALL, NOWHERE, 1, 0, 0), FAULT);
    check("batch-empty", hypercall(CALL_MULTICALL, NOWHERE, 0, 0, 0), 0);
}
