// grant_table_op: the table's size and version, copies, and that nothing of others can be mapped.
#include "check.h"
#include "groups.h"
#include "memory.h"
#include "xen.h"

enum { MAP = 0, UNMAP = 1, SETUP = 2, COPY = 5, QUERY = 6, SET_VERSION = 8, GET_VERSION = 10 };
enum { OKAY = 0, BAD_DOMAIN = -2, BAD_REFERENCE = -3, BAD_HANDLE = -4, BAD_PAGE = -9, BAD_COPY = -10 };

static uint8_t source[4096] __attribute__((aligned(4096))), target[4096] __attribute__((aligned(4096)));

struct copy_end {
    uint32_t frame;
    uint16_t domain, offset;
};

struct copy {
    struct copy_end source, target;
    uint16_t length, flags;
    int16_t status;
};

static int32_t copy_status(struct copy copy)
{
    int32_t result = hypercall(CALL_GRANT, COPY, at(&copy), 1, 0);
    return result ? result : copy.status;
}

void check_grants(void)
{
    struct { uint16_t domain; uint32_t frames, maximum; int16_t status; } size = { DOMAIN_SELF, 0, 0, 99 };
    check("grant-size", hypercall(CALL_GRANT, QUERY, at(&size), 1, 0), 0);
    check("grant-size-status", (uint32_t)size.status, OKAY);
    check_true("grant-size-grows", size.frames >= 1 && size.maximum >= 32);
    size.domain = DOMAIN_OTHER;
    hypercall(CALL_GRANT, QUERY, at(&size), 1, 0);
    check("grant-size-of-another", (uint32_t)size.status, (uint32_t)BAD_DOMAIN);
    uint32_t version = 2;
    check("grant-no-version-2", hypercall(CALL_GRANT, SET_VERSION, at(&version), 1, 0), INVALID);
    version = 1;
    check("grant-version-1", hypercall(CALL_GRANT, SET_VERSION, at(&version), 1, 0), 0);
    struct { uint16_t domain, padding; uint32_t version; } query = { DOMAIN_SELF, 0, 0 };
    check("grant-get-version", hypercall(CALL_GRANT, GET_VERSION, at(&query), 1, 0), 0);
    check("grant-version", query.version, 1);
    uint32_t frames[2] = { 0, 0 };
    struct { uint16_t domain; uint32_t count; int16_t status; uint32_t list; } setup = { DOMAIN_SELF, 1, 99, at(frames) };
    check("grant-setup", hypercall(CALL_GRANT, SETUP, at(&setup), 1, 0), 0);
    check("grant-setup-frame", frames[0], frame_of(grant_page));
    setup.count = 65;
    hypercall(CALL_GRANT, SETUP, at(&setup), 1, 0);
    check("grant-setup-too-long", (uint32_t)setup.status, (uint32_t)-1);

    struct __attribute__((packed)) { uint64_t address; uint32_t flags, reference; uint16_t domain; int16_t status; uint32_t handle; uint64_t bus; } map = { at(target), 2, 8, DOMAIN_OTHER, 99, 0, 0 };
    check("grant-map", hypercall(CALL_GRANT, MAP, at(&map), 1, 0), 0);
    check("grant-map-nothing", (uint32_t)map.status, (uint32_t)BAD_DOMAIN);
    struct __attribute__((packed)) { uint64_t address, bus; uint32_t handle; int16_t status, padding; } unmap = { at(target), 0, 3, 99, 0 };
    check("grant-unmap", hypercall(CALL_GRANT, UNMAP, at(&unmap), 1, 0), 0);
    check("grant-unmap-nothing", (uint32_t)unmap.status, (uint32_t)BAD_HANDLE);

    source[10] = 0x77;
    struct copy copy = { { frame_of(source), DOMAIN_SELF, 10 }, { frame_of(target), DOMAIN_SELF, 20 }, 1, 0, 99 };
    check("grant-copy", copy_status(copy), OKAY);
    check("grant-copied", target[20], 0x77);
    copy.length = 4090;
    check("grant-copy-across-a-page", copy_status(copy), (uint32_t)BAD_COPY);
    copy.length = 1;
    copy.flags = 1;
    check("grant-copy-by-reference", copy_status(copy), (uint32_t)BAD_REFERENCE);
    copy.flags = 0;
    copy.source.frame = NOWHERE >> 12;
    check("grant-copy-from-nowhere", copy_status(copy), (uint32_t)BAD_PAGE);
    copy.source.domain = DOMAIN_OTHER;
    check("grant-copy-from-another", copy_status(copy), (uint32_t)BAD_DOMAIN);
    check("grant-too-many", hypercall(CALL_GRANT, COPY, at(&copy), 5000, 0), INVALID);
    check("grant-unknown", hypercall(CALL_GRANT, 99, at(&copy), 1, 0), NO_SYSTEM_CALL);
    check("grant-list-nowhere", hypercall(CALL_GRANT, COPY, NOWHERE, 1, 0), FAULT);
}
