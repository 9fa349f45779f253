// XenStore's ring, and what can be asked through it.
#include "check.h"
#include "events.h"
#include "floods.h"
#include "groups.h"
#include "parameters.h"
#include "store.h"
#include "text.h"
#include "upcall.h"
#include "xen.h"

struct interface {
    uint8_t requests[1024], responses[1024];
    volatile uint32_t request_consumer, request_producer, response_consumer, response_producer;
};

struct header {
    uint32_t type, id, transaction, length;
};

char store_answer[4097];

static struct interface *interface(void)
{
    return (struct interface *)(parameter(PARAMETER_STORE_FRAME) << 12);
}

static void send(const void *bytes, uint32_t length)
{
    struct interface *ring = interface();
    const uint8_t *from = bytes;
    while (length--) {
        while (ring->request_producer - ring->request_consumer == sizeof ring->requests)
            event_call(SEND, parameter(PARAMETER_STORE_PORT));
        ring->requests[ring->request_producer % sizeof ring->requests] = *from++;
        ring->request_producer++;
    }
}

static void receive(void *bytes, uint32_t length)
{
    struct interface *ring = interface();
    uint8_t *to = bytes;
    while (length--) {
        while (ring->response_consumer == ring->response_producer)
            event_call(SEND, parameter(PARAMETER_STORE_PORT));
        *to++ = ring->responses[ring->response_consumer % sizeof ring->responses];
        ring->response_consumer++;
    }
}

uint32_t store_receive(void)
{
    struct header header;
    receive(&header, sizeof header);
    receive(store_answer, header.length);
    store_answer[header.length] = 0;
    return header.type;
}

uint32_t store_ask(uint32_t type, const char *path, const char *value)
{
    uint32_t extra = type == STORE_WRITE ? 0 : 1;
    uint32_t path_length = length_of(path) + 1, value_length = value ? length_of(value) + extra : 0;
    struct header header = { type, 7, 0, path_length + value_length };
    send(&header, sizeof header);
    send(path, path_length);
    send(value, value_length);
    event_call(SEND, parameter(PARAMETER_STORE_PORT));
    uint32_t answer;
    while ((answer = store_receive()) == STORE_WATCH_EVENT)
        ;
    return answer;
}

void store_write_number(const char *path, uint32_t value)
{
    char digits[11], *to = digits + sizeof digits - 1;
    *to = 0;
    do
        *--to = (char)('0' + value % 10);
    while (value /= 10);
    store_ask(STORE_WRITE, path, to);
}

uint32_t store_number(const char *path)
{
    uint32_t value = 0;
    if (store_ask(STORE_READ, path, 0) != STORE_READ)
        return 0;
    for (const char *digit = store_answer; *digit >= '0' && *digit <= '9'; digit++)
        value = value * 10 + (uint32_t)(*digit - '0');
    return value;
}

void check_store(void)
{
    check("store-read", store_ask(STORE_READ, "domid", 0), STORE_READ);
    check_true("store-our-number", is_same(store_answer, "1"));
    check("store-write", store_ask(STORE_WRITE, "data/checks", "some value"), STORE_WRITE);
    check("store-read-back", store_ask(STORE_READ, "/local/domain/1/data/checks", 0), STORE_READ);
    check_true("store-value", is_same(store_answer, "some value"));
    check("store-directory", store_ask(STORE_DIRECTORY, "data", 0), STORE_DIRECTORY);
    check_true("store-child", is_same(store_answer, "checks"));
    check("store-missing", store_ask(STORE_READ, "data/missing", 0), STORE_ERROR);
    check_true("store-missing-says-so", is_same(store_answer, "ENOENT"));
    check("store-not-ours", store_ask(STORE_WRITE, "/local/domain/0/x", "y"), STORE_ERROR);
    check_true("store-not-ours-says-so", is_same(store_answer, "EACCES"));
    check("store-watch", store_ask(STORE_WATCH, "data", "token"), STORE_WATCH);
    check("store-watch-fires-at-once", store_receive(), STORE_WATCH_EVENT);
    store_ask(STORE_WRITE, "data/checks", "another");
    check("store-unknown", store_ask(88, "data", 0), STORE_ERROR);
    check_true("store-unknown-says-so", is_same(store_answer, "ENOSYS"));
    while (take_event())
        ;
}

void flood_store(void)
{
    for (;;) {
        store_ask(STORE_WRITE, "data/flood", "water");
        store_ask(STORE_DIRECTORY, "data", 0);
    }
}
