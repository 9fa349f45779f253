// A disk through its ring: the handshake, reads and writes, and requests that cannot be.
#include "check.h"
#include "disk.h"
#include "events.h"
#include "floods.h"
#include "groups.h"
#include "memory.h"
#include "store.h"
#include "upcall.h"
#include "xen.h"
#include "../lib/print.h"

static struct ring ring __attribute__((aligned(4096)));
static uint8_t data[2][4096] __attribute__((aligned(4096)));
static uint32_t port, response_consumer;

static void grant(uint32_t reference, const volatile void *page, uint16_t flags)
{
    struct grant *entry = (struct grant *)grant_page + reference;
    *entry = (struct grant){ flags, DOMAIN_CONTROL, frame_of(page) };
}

// Puts a request into the ring and waits for its response: status, or 99 when that belongs to something else.
static int32_t ask(struct request request)
{
    ring.slots[ring.request_producer % RING_SIZE].request = request;
    asm volatile("" : : : "memory");
    ring.request_producer++;
    ring.response_event = response_consumer + 1;
    event_call(SEND, port);
    while (ring.response_producer == response_consumer) {
        hypercall(CALL_SCHEDULE, 1, 0, 0, 0);
        while (take_event()) // all of them: what stays pending brings no upcall
            ;
    }
    struct response *response = &ring.slots[response_consumer++ % RING_SIZE].response;
    return response->id == request.id ? response->status : 99;
}

static int32_t transfer(uint8_t operation, uint64_t sector, uint32_t reference, uint8_t first, uint8_t last)
{
    static uint64_t id = 100;
    return ask((struct request){ .operation = operation, .segments = 1, .id = ++id, .sector = sector, .segment = { { reference, first, last, 0 } } });
}

void check_disk(void)
{
    if (store_ask(STORE_READ, "device/vbd/51712/backend", 0) != STORE_READ) {
        print("no disk\n");
        return;
    }
    grant(REFERENCE_RING, &ring, GRANT_ACCESS);
    grant(REFERENCE_DATA, data[0], GRANT_ACCESS);
    grant(REFERENCE_READ_ONLY, data[1], GRANT_ACCESS | GRANT_READ_ONLY);
    grant(REFERENCE_FOREIGN, (void *)NOWHERE, GRANT_ACCESS);
    ring.request_event = ring.response_event = 1;
    check("disk-port", allocate_unbound(DOMAIN_CONTROL, &port), 0);
    store_write_number("device/vbd/51712/ring-ref", REFERENCE_RING);
    store_write_number("device/vbd/51712/event-channel", port);
    store_ask(STORE_WRITE, "device/vbd/51712/protocol", "x86_32-abi");
    store_ask(STORE_WRITE, "device/vbd/51712/state", "3");
    check("disk-connected", store_number("/local/domain/0/backend/vbd/1/51712/state"), 4);
    uint32_t sectors = store_number("/local/domain/0/backend/vbd/1/51712/sectors");
    check("disk-sector-size", store_number("/local/domain/0/backend/vbd/1/51712/sector-size"), 512);
    check_true("disk-sectors", sectors >= 2048);

    for (uint32_t i = 0; i < sizeof data[0]; i++)
        data[0][i] = (uint8_t)(i * 7 + 1);
    check("disk-write", transfer(WRITE, 40, REFERENCE_DATA, 0, 7), 0);
    check("disk-flush", ask((struct request){ .operation = FLUSH, .id = 5 }), 0);
    for (uint32_t i = 0; i < sizeof data[0]; i++)
        data[0][i] = 0;
    check("disk-read", transfer(READ, 40, REFERENCE_DATA, 0, 7), 0);
    uint32_t right = 0;
    for (uint32_t i = 0; i < sizeof data[0]; i++)
        right += data[0][i] == (uint8_t)(i * 7 + 1);
    check("disk-read-back", right, sizeof data[0]);
    check("disk-read-in-part", transfer(READ, 41, REFERENCE_DATA, 3, 3), 0);
    check("disk-read-where", data[0][3 * 512], (uint8_t)(512 * 7 + 1));
    check("disk-write-from-read-only", transfer(WRITE, 48, REFERENCE_READ_ONLY, 0, 7), 0);
    check("disk-read-into-read-only", transfer(READ, 40, REFERENCE_READ_ONLY, 0, 7), (uint32_t)-1);
    check("disk-no-grant", transfer(READ, 40, 77, 0, 7), (uint32_t)-1);
    check("disk-foreign-page", transfer(READ, 40, REFERENCE_FOREIGN, 0, 7), (uint32_t)-1);
    check("disk-reference-beyond-the-table", transfer(READ, 40, 0xFFFFFFFF, 0, 7), (uint32_t)-1);
    check("disk-behind-the-end", transfer(READ, sectors - 7, REFERENCE_DATA, 0, 7), (uint32_t)-1);
    check("disk-sectors-upside-down", transfer(READ, 40, REFERENCE_DATA, 5, 4), (uint32_t)-1);
    check("disk-operation-unknown", transfer(9, 40, REFERENCE_DATA, 0, 7), (uint32_t)-2);
    // So often that the indices go round the ring.
    uint32_t okay = 0;
    for (uint32_t i = 0; i < 100; i++)
        okay += transfer(READ, i, REFERENCE_DATA, 0, 0) == 0;
    check("disk-round-the-ring", okay, 100);
    check("disk-grant-is-free", ((struct grant *)grant_page)[REFERENCE_DATA].flags, GRANT_ACCESS);
}

// The ring is always full of the largest requests, and the back end is told at each turn.
void flood_disk(void)
{
    struct request largest = { .operation = READ, .segments = MOST_SEGMENTS };
    for (uint32_t i = 0; i < MOST_SEGMENTS; i++)
        largest.segment[i] = (struct segment){ REFERENCE_DATA, 0, 7, 0 };
    for (;;) {
        for (; ring.request_producer - response_consumer < RING_SIZE; ring.request_producer++) {
            largest.id = ring.request_producer;
            ring.slots[ring.request_producer % RING_SIZE].request = largest;
            asm volatile("" : : : "memory");
        }
        event_call(SEND, port);
        response_consumer = ring.response_producer;
    }
}
