// The block ring of a 32-bit guest (xen/include/public/io/ring.h, blkif.h) and version-1 grants.
#pragma once
#include <stdint.h>

enum { READ = 0, WRITE = 1, FLUSH = 3, RING_SIZE = 32, MOST_SEGMENTS = 11 };
enum { GRANT_ACCESS = 1, GRANT_READ_ONLY = 4, REFERENCE_RING = 8, REFERENCE_DATA = 9, REFERENCE_READ_ONLY = 10, REFERENCE_FOREIGN = 11 };

struct grant {
    uint16_t flags, domain;
    uint32_t frame;
};

struct segment {
    uint32_t reference;
    uint8_t first, last;
    uint16_t padding;
};

struct __attribute__((packed)) request {
    uint8_t operation, segments;
    uint16_t handle;
    uint64_t id, sector;
    struct segment segment[MOST_SEGMENTS];
};

struct __attribute__((packed)) response {
    uint64_t id;
    uint8_t operation, padding;
    int16_t status;
};

struct ring {
    volatile uint32_t request_producer, request_event, response_producer, response_event;
    uint8_t padding[48];
    union {
        struct request request;
        struct response response;
    } slots[RING_SIZE];
};
