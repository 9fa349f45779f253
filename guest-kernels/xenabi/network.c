// A network interface through its rings: frames received into posted pages, and in pages that change their owner (page flip); what each costs.
// The other end is the gateway of the runtime's user network, which answers ARP and echo requests.
#include "check.h"
#include "disk.h"
#include "events.h"
#include "groups.h"
#include "memory.h"
#include "network.h"
#include "store.h"
#include "upcall.h"
#include "xen.h"
#include "../lib/print.h"

#define FRONT "device/vif/0/"
#define BACK "/local/domain/0/backend/vif/1/0/"

enum { CONNECTED = 4, CLOSED = 6, ECHO_REQUEST = 8, ECHO_REPLY = 0, HEADERS = 42, OWNED = 3 };

static struct transmit_ring transmit __attribute__((aligned(4096)));
static struct receive_ring receive __attribute__((aligned(4096)));
static uint8_t sent[4096] __attribute__((aligned(4096))), received[RECEIVED_PAGES][4096] __attribute__((aligned(4096)));
static uint8_t own[6], gateway[6];
static uint32_t port, receive_consumer;
static bool flips;

static uint16_t swapped(uint32_t value)
{
    return (uint16_t)(value << 8 | (value >> 8 & 0xFF));
}

static uint16_t checksum(const void *data, uint32_t length)
{
    const uint8_t *bytes = data;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < length; i++)
        sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
    sum = (sum & 0xFFFF) + (sum >> 16);
    return swapped(~((sum & 0xFFFF) + (sum >> 16)));
}

static struct grant *grant_of(uint32_t reference)
{
    return (struct grant *)grant_page + reference;
}

static void tell(uint32_t before, uint32_t now, uint32_t event)
{
    if (now - event < now - before)
        event_call(SEND, port);
}

static void post_as(uint32_t page, uint16_t flags)
{
    *grant_of(REFERENCE_RECEIVED + page) = (struct grant){ flags, DOMAIN_CONTROL, frame_of(received[page]) };
    uint32_t before = receive.request_producer;
    receive.slots[before % NETWORK_RING_SIZE].request = (struct receive_request){ (uint16_t)page, 0, REFERENCE_RECEIVED + page };
    asm volatile("" : : : "memory");
    receive.request_producer = before + 1;
    tell(before, before + 1, receive.request_event);
}

// Posts pages again that the back end has answered; those that it is to replace are given back first, all by one hypercall.
static void post(const uint8_t *pages, uint32_t count)
{
    uint32_t frames[RECEIVED_PAGES];
    for (uint32_t i = 0; i < count; i++)
        frames[i] = frame_of(received[pages[i]]);
    if (flips)
        balloon_out_all(frames, count);
    for (uint32_t i = 0; i < count; i++)
        post_as(pages[i], flips ? ACCEPT_TRANSFER : GRANT_ACCESS);
}

static bool connect(bool by_flip)
{
    flips = by_flip;
    receive_consumer = 0;
    __builtin_memset(&transmit, 0, sizeof transmit);
    __builtin_memset(&receive, 0, sizeof receive);
    receive.request_event = receive.response_event = transmit.request_event = 1;
    *grant_of(REFERENCE_TRANSMIT_RING) = (struct grant){ GRANT_ACCESS, DOMAIN_CONTROL, frame_of(&transmit) };
    *grant_of(REFERENCE_RECEIVE_RING) = (struct grant){ GRANT_ACCESS, DOMAIN_CONTROL, frame_of(&receive) };
    *grant_of(REFERENCE_SENT) = (struct grant){ GRANT_ACCESS | GRANT_READ_ONLY, DOMAIN_CONTROL, frame_of(sent) };
    store_write_number(FRONT "tx-ring-ref", REFERENCE_TRANSMIT_RING);
    store_write_number(FRONT "rx-ring-ref", REFERENCE_RECEIVE_RING);
    store_write_number(FRONT "event-channel", port);
    store_write_number(FRONT "request-rx-copy", !by_flip);
    store_write_number(FRONT "state", CONNECTED);
    return store_number(BACK "state") == CONNECTED;
}

static void disconnect(void)
{
    store_write_number(FRONT "state", CLOSED);
    store_write_number(FRONT "state", 1);
}

// Sends the frame in the page so many times and notifies once.
static void send(uint32_t length, uint32_t times)
{
    uint32_t before = transmit.request_producer;
    for (uint32_t i = 0; i < times; i++)
        transmit.slots[(before + i) % NETWORK_RING_SIZE] = (struct transmit_request){ REFERENCE_SENT, 0, 0, (uint16_t)(before + i), (uint16_t)length };
    asm volatile("" : : : "memory");
    transmit.response_event = before + NETWORK_RING_SIZE; // answers are not waited for: the frame comes back
    transmit.request_producer = before + times;
    tell(before, before + times, transmit.request_event);
}

static struct receive_response take(void)
{
    receive.response_event = receive_consumer + 1;
    while (receive.response_producer == receive_consumer) {
        hypercall(CALL_SCHEDULE, 1, 0, 0, 0);
        while (take_event()) // all of them: what stays pending brings no upcall
            ;
    }
    return receive.slots[receive_consumer++ % NETWORK_RING_SIZE].response;
}

static void ask_for_gateway(void)
{
    struct arp *ask = (struct arp *)sent;
    *ask = (struct arp){ .type = swapped(0x0806), .hardware = swapped(1), .protocol = swapped(0x0800), .hardware_length = 6, .protocol_length = 4,
        .operation = swapped(1), .sender_address = { 10, 0, 2, 15 }, .target_address = { 10, 0, 2, 2 } };
    __builtin_memset(ask->to, 0xFF, 6);
    __builtin_memcpy(ask->from, own, 6);
    __builtin_memcpy(ask->sender, own, 6);
    send(60, 1);
}

static void prepare_echo(uint32_t length)
{
    struct echo *echo = (struct echo *)sent;
    *echo = (struct echo){ .type = swapped(0x0800), .version = 0x45, .length = swapped(length - 14), .lifetime = 64, .protocol = 1,
        .source = { 10, 0, 2, 15 }, .destination = { 10, 0, 2, 2 }, .kind = ECHO_REQUEST };
    __builtin_memcpy(echo->to, gateway, 6);
    __builtin_memcpy(echo->from, own, 6);
    for (uint32_t i = 0; i < length - HEADERS; i++)
        echo->data[i] = (uint8_t)(i * 5 + 3);
    echo->header_sum = checksum(&echo->version, 20);
    echo->sum = checksum(&echo->kind, length - 34);
}

// How many bytes of a reply are what was asked for.
static uint32_t right_bytes(const struct receive_response *response, uint32_t length)
{
    const struct echo *reply = (const struct echo *)(received[response->id] + response->offset);
    uint32_t right = 0;
    for (uint32_t i = 0; i < length - HEADERS && response->status == (int32_t)length && reply->kind == ECHO_REPLY; i++)
        right += reply->data[i] == (uint8_t)(i * 5 + 3);
    return right;
}

static const uint8_t all[RECEIVED_PAGES] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static uint32_t owned(void)
{
    return (uint32_t)hypercall(CALL_MEMORY, OWNED, 0, 0, 0);
}

static void read_own_address(void)
{
    store_ask(STORE_READ, FRONT "mac", 0);
    for (uint32_t i = 0; i < 12; i++) {
        char digit = store_answer[i / 2 * 3 + i % 2];
        own[i / 2] = (uint8_t)(own[i / 2] << 4 | (digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10));
    }
}

static void check_copies(void)
{
    check("network-connected", connect(false), 1);
    post(all, 2);
    ask_for_gateway();
    struct receive_response response = take();
    struct arp *answer = (struct arp *)received[response.id];
    check("network-arp", answer->operation, swapped(2));
    __builtin_memcpy(gateway, answer->sender, 6);
    prepare_echo(1000);
    send(1000, 1);
    response = take();
    check("network-echo", right_bytes(&response, 1000), 1000 - HEADERS);
    check("network-grant-is-free", grant_of(REFERENCE_RECEIVED + response.id)->flags, GRANT_ACCESS);
    disconnect();
}

static void check_flips(void)
{
    check("network-flip-offered", store_number(BACK "feature-rx-flip"), 1);
    uint32_t before = owned();
    check("network-flip-connected", connect(true), 1);
    prepare_echo(1000);
    post(all, 1);
    check("network-flip-given-back", owned(), before - 1);
    send(1000, 1);
    struct receive_response response = take();
    check("network-flip-echo", right_bytes(&response, 1000), 1000 - HEADERS);
    check("network-flip-transferred", grant_of(REFERENCE_RECEIVED)->flags, TRANSFERRED);
    check("network-flip-owned-again", owned(), before);
    uint32_t rest = 0;
    for (uint32_t i = 1000; i < 4096; i++)
        rest |= received[0][i];
    check("network-flip-rest-is-empty", rest, 0);

    post_as(1, ACCEPT_TRANSFER); // the page is there
    send(1000, 1);
    response = take();
    check("network-flip-no-room", (uint32_t)response.status, (uint32_t)-1);
    check("network-flip-no-room-not-done", grant_of(REFERENCE_RECEIVED + 1)->flags, ACCEPT_TRANSFER);
    post_as(2, GRANT_ACCESS);
    send(1000, 1);
    response = take();
    check("network-flip-plain-grant", (uint32_t)response.status, (uint32_t)-1);
    *grant_of(REFERENCE_RECEIVED + 3) = (struct grant){ 0, 0, 0 };
    post_as(3, TRANSFERRED);
    send(1000, 1);
    response = take();
    check("network-flip-used-already", (uint32_t)response.status, (uint32_t)-1);
    check("network-flip-nothing-lost", owned(), before);
    disconnect();
}

void check_network(void)
{
    if (store_ask(STORE_READ, FRONT "backend", 0) != STORE_READ)
        return;
    read_own_address();
    check("network-port", allocate_unbound(DOMAIN_CONTROL, &port), 0);
    check_copies();
    check_flips();
}

static uint64_t now(void)
{
    uint64_t time;
    hypercall(CALL_HVM, 10, at(&time), 0, 0);
    return time;
}

// Nanoseconds for a frame there and back, eight under way.
static uint32_t measure(bool by_flip, uint32_t length, uint32_t rounds)
{
    connect(by_flip);
    post(all, RECEIVED_PAGES);
    prepare_echo(length);
    uint64_t start = now();
    for (uint32_t round = 0; round < rounds; round++) {
        uint8_t pages[RECEIVED_PAGES];
        send(length, RECEIVED_PAGES);
        for (uint32_t i = 0; i < RECEIVED_PAGES; i++)
            pages[i] = (uint8_t)take().id;
        post(pages, RECEIVED_PAGES);
    }
    uint32_t taken = (uint32_t)(now() - start);
    disconnect();
    for (uint32_t i = 0; by_flip && i < RECEIVED_PAGES; i++)
        balloon_in(frame_of(received[i]));
    return taken / (rounds * RECEIVED_PAGES);
}

void measure_network(void)
{
    static const uint16_t lengths[] = { 64, 512, 1514 };
    for (uint32_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        measure(false, lengths[i], 500); // warm
        measure(true, lengths[i], 500);
        uint32_t copied = measure(false, lengths[i], 2000), flipped = measure(true, lengths[i], 2000);
        print("network: frames of %u bytes: copied %u ns, flipped %u ns\n", lengths[i], copied, flipped);
    }
}
