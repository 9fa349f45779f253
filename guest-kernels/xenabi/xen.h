// The part of Xen's public interface that these checks use (xen/include/public), for a 32-bit guest.
#pragma once
#include <stdint.h>

enum {
    CALL_MMU_UPDATE = 1, CALL_MEMORY = 12, CALL_MULTICALL = 13, CALL_SET_TIMER = 15, CALL_VERSION = 17, CALL_CONSOLE = 18, CALL_GRANT = 20,
    CALL_VCPU = 24, CALL_MMU_EXTENDED = 26, CALL_SCHEDULE = 29, CALL_EVENT = 32, CALL_HVM = 34,
};

enum { DOMAIN_CONTROL = 0, DOMAIN_OTHER = 9, DOMAIN_SELF = 0x7FF0 };

// Negated, as hypercalls return them.
enum {
    NOT_PERMITTED = -1, NO_ENTRY = -2, NO_DOMAIN = -3, FAULT = -14, BUSY = -16, EXISTS = -17, INVALID = -22, NO_SYSTEM_CALL = -38, TIME_EXPIRED = -62,
};

// A place where no guest has memory.
#define NOWHERE 0xF8000000u

// Fills the hypercall page; before anything else here.
void hypercalls_init(void);
int32_t hypercall(uint32_t number, uint32_t first, uint32_t second, uint32_t third, uint32_t fourth);
int32_t vmcall(uint32_t number, uint32_t first, uint32_t second);

static inline uint32_t at(const volatile void *pointer)
{
    return (uint32_t)pointer;
}

static inline uint32_t frame_of(const volatile void *pointer)
{
    return (uint32_t)pointer >> 12;
}

// struct shared_info: one word of 32 bits for 32 ports.
struct vcpu_info {
    volatile uint8_t upcall_pending, upcall_mask;
    uint16_t padding;
    volatile uint32_t pending_selector;
    uint32_t arch[6];
    volatile uint32_t time_version, padding2;
    volatile uint64_t tsc_timestamp, system_time;
    volatile uint32_t tsc_to_system_multiplier;
    volatile int8_t tsc_shift;
    uint8_t flags[3];
};

enum { PORTS = 1024 };

struct shared_info {
    struct vcpu_info vcpu[32];
    volatile uint32_t pending[32], mask[32];
    volatile uint32_t wall_version, wall_seconds, wall_nanoseconds;
};

extern uint8_t shared_page[4096];
#define shared ((struct shared_info *)shared_page)
extern struct vcpu_info *this_vcpu;
