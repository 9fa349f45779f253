// The network rings of a guest (xen/include/public/io/netif.h) and grants that accept a page (grant_table.h, GTF_accept_transfer).
#pragma once
#include <stdint.h>

enum { NETWORK_RING_SIZE = 256, RECEIVED_PAGES = 8, ACCEPT_TRANSFER = 2, TRANSFERRED = ACCEPT_TRANSFER | 4 | 8 };
enum { REFERENCE_TRANSMIT_RING = 16, REFERENCE_RECEIVE_RING = 17, REFERENCE_SENT = 18, REFERENCE_RECEIVED = 32 };

struct transmit_request {
    uint32_t reference;
    uint16_t offset, flags, id, size;
};

struct transmit_ring {
    volatile uint32_t request_producer, request_event, response_producer, response_event;
    uint8_t padding[48];
    struct transmit_request slots[NETWORK_RING_SIZE];
};

struct receive_request {
    uint16_t id, padding;
    uint32_t reference;
};

struct receive_response {
    uint16_t id, offset, flags;
    int16_t status;
};

struct receive_ring {
    volatile uint32_t request_producer, request_event, response_producer, response_event;
    uint8_t padding[48];
    union {
        struct receive_request request;
        struct receive_response response;
    } slots[NETWORK_RING_SIZE];
};

struct __attribute__((packed)) arp {
    uint8_t to[6], from[6];
    uint16_t type, hardware, protocol;
    uint8_t hardware_length, protocol_length;
    uint16_t operation;
    uint8_t sender[6], sender_address[4], target[6], target_address[4];
};

// An echo request or reply over IPv4; numbers in network order.
struct __attribute__((packed)) echo {
    uint8_t to[6], from[6];
    uint16_t type;
    uint8_t version, service;
    uint16_t length, id, fragment;
    uint8_t lifetime, protocol;
    uint16_t header_sum;
    uint8_t source[4], destination[4];
    uint8_t kind, code;
    uint16_t sum, identifier, sequence;
    uint8_t data[1472];
};
