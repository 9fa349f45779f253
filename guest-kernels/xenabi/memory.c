// memory_op: the shared page, the grant table's frames, the balloon.
#include "check.h"
#include "groups.h"
#include "memory.h"
#include "xen.h"

enum { INCREASE = 0, DECREASE = 1, CURRENT = 3, MAXIMUM = 4, POPULATE = 6, ADD = 7, MAP = 9, REMOVE = 15 };
enum { SHARED_INFO = 0, GRANT_TABLE = 1 };

uint8_t shared_page[4096] __attribute__((aligned(4096)));
uint8_t grant_page[4096] __attribute__((aligned(4096)));
struct vcpu_info *this_vcpu = &((struct shared_info *)shared_page)->vcpu[0];
static uint8_t balloon_page[4096] __attribute__((aligned(4096)));

struct addition {
    uint16_t domain, size;
    uint32_t space, index, frame;
};

struct reservation {
    uint32_t extents, count, order, flags;
    uint16_t domain;
};

static int32_t add(uint16_t domain, uint32_t space, uint32_t index, uint32_t frame)
{
    struct addition addition = { domain, 0, space, index, frame };
    return hypercall(CALL_MEMORY, ADD, at(&addition), 0, 0);
}

static int32_t reserve(uint32_t operation, uint32_t frame, uint16_t domain, uint32_t order)
{
    uint32_t frames[1] = { frame };
    struct reservation reservation = { at(frames), 1, order, 0, domain };
    return hypercall(CALL_MEMORY, operation, at(&reservation), 0, 0);
}

int32_t balloon_out(uint32_t frame)
{
    return reserve(DECREASE, frame, DOMAIN_SELF, 0);
}

int32_t balloon_out_all(const uint32_t *frames, uint32_t count)
{
    struct reservation reservation = { at(frames), count, 0, 0, DOMAIN_SELF };
    return hypercall(CALL_MEMORY, DECREASE, at(&reservation), 0, 0);
}

int32_t balloon_in(uint32_t frame)
{
    return reserve(POPULATE, frame, DOMAIN_SELF, 0);
}

void check_memory(void)
{
    check("memory-shared-info", add(DOMAIN_SELF, SHARED_INFO, 0, frame_of(shared_page)), 0);
    check("memory-grant-frame", add(DOMAIN_SELF, GRANT_TABLE, 0, frame_of(grant_page)), 0);
    check("memory-no-second-shared-info", add(DOMAIN_SELF, SHARED_INFO, 1, frame_of(shared_page)), INVALID);
    check("memory-grant-frame-too-far", add(DOMAIN_SELF, GRANT_TABLE, 64, frame_of(grant_page)), INVALID);
    check("memory-space-unknown", add(DOMAIN_SELF, 9, 0, frame_of(grant_page)), INVALID);
    check("memory-of-another", add(DOMAIN_OTHER, SHARED_INFO, 0, frame_of(shared_page)), NOT_PERMITTED);
    check("memory-where-there-is-none", add(DOMAIN_SELF, SHARED_INFO, 0, NOWHERE >> 12), INVALID);
    check("memory-from-nowhere", hypercall(CALL_MEMORY, ADD, NOWHERE, 0, 0), FAULT);

    uint32_t before = (uint32_t)hypercall(CALL_MEMORY, CURRENT, 0, 0, 0);
    check("memory-all-of-it", before, hypercall(CALL_MEMORY, MAXIMUM, 0, 0, 0));
    balloon_page[5] = 0x55;
    check("balloon-out", balloon_out(frame_of(balloon_page)), 1);
    check("balloon-out-counted", hypercall(CALL_MEMORY, CURRENT, 0, 0, 0), before - 1);
    check("balloon-out-twice", balloon_out(frame_of(balloon_page)), 0);
    check("balloon-in", balloon_in(frame_of(balloon_page)), 1);
    check("balloon-in-twice", balloon_in(frame_of(balloon_page)), 0);
    check("balloon-in-is-empty", balloon_page[5], 0);
    check("balloon-not-ours", balloon_out(NOWHERE >> 12), 0);
    check("balloon-of-another", reserve(DECREASE, frame_of(balloon_page), DOMAIN_OTHER, 0), NOT_PERMITTED);
    check("balloon-large-extents", reserve(DECREASE, frame_of(balloon_page), DOMAIN_SELF, 9), NOT_PERMITTED);

    uint8_t entries[20 * 16];
    struct { uint32_t count, buffer; } map = { 16, at(entries) };
    check("memory-map", hypercall(CALL_MEMORY, MAP, at(&map), 0, 0), 0);
    check_true("memory-map-has-entries", map.count >= 2 && map.count <= 16);
    map.count = 1;
    check("memory-map-in-part", hypercall(CALL_MEMORY, MAP, at(&map), 0, 0), 0);
    check("memory-map-one-entry", map.count, 1);
    check("memory-unknown", hypercall(CALL_MEMORY, 44, 0, 0, 0), NO_SYSTEM_CALL);
}
