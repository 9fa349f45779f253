// Time: timers by hypercall, waiting for events, what a processor says of itself.
#include "../lib/cpu.h"
#include "check.h"
#include "events.h"
#include "groups.h"
#include "upcall.h"
#include "xen.h"

enum { IS_UP = 3, RUNSTATE = 4, RUNSTATE_AREA = 5, PERIODIC = 6, STOP_PERIODIC = 7, SINGLESHOT = 8, STOP_SINGLESHOT = 9, VCPU_INFO = 10, TIME_AREA = 13 };
enum { YIELD = 0, BLOCK = 1, POLL = 3 };
enum { MILLISECOND = 1000000 };

struct __attribute__((packed)) runstate {
    uint32_t state;
    uint64_t entered, time[4];
};

static uint8_t vcpu_page[4096] __attribute__((aligned(4096)));

static uint64_t now(void)
{
    uint64_t time;
    hypercall(CALL_HVM, 10, at(&time), 0, 0);
    return time;
}

static int32_t set_timer(uint64_t deadline)
{
    return hypercall(CALL_SET_TIMER, (uint32_t)deadline, (uint32_t)(deadline >> 32), 0, 0);
}

static int32_t singleshot(uint64_t deadline, uint32_t flags)
{
    struct { uint64_t deadline; uint32_t flags; } arguments = { deadline, flags };
    return hypercall(CALL_VCPU, SINGLESHOT, 0, at(&arguments), 0);
}

static int32_t poll(uint32_t *ports, uint32_t count, uint64_t timeout)
{
    struct { uint32_t ports, count; uint64_t timeout; } arguments = { at(ports), count, timeout };
    return hypercall(CALL_SCHEDULE, POLL, at(&arguments), 0, 0);
}

static void check_clock(void)
{
    check_true("clock-version-is-even", this_vcpu->time_version != 0 && this_vcpu->time_version % 2 == 0);
    check_true("clock-has-a-rate", this_vcpu->tsc_to_system_multiplier != 0);
    check_true("clock-has-a-calendar", shared->wall_seconds > 1700000000);
    uint64_t ticks = read_time_stamp() - this_vcpu->tsc_timestamp;
    ticks = this_vcpu->tsc_shift < 0 ? ticks >> -this_vcpu->tsc_shift : ticks << this_vcpu->tsc_shift;
    uint64_t low = (ticks & 0xFFFFFFFF) * this_vcpu->tsc_to_system_multiplier >> 32;
    uint64_t time = this_vcpu->system_time + (ticks >> 32) * this_vcpu->tsc_to_system_multiplier + low, told = now();
    check_true("clock-agrees", told - time < 50 * MILLISECOND || time - told < 50 * MILLISECOND);
}

void check_timers(void)
{
    uint32_t timer;
    check_clock();
    bind_virq(0, 0, &timer);
    uint64_t start = now();
    check("timer-set", set_timer(start + 2 * MILLISECOND), 0);
    check("timer-wait", hypercall(CALL_SCHEDULE, BLOCK, 0, 0, 0), 0);
    check_true("timer-not-early", now() - start >= 2 * MILLISECOND);
    check("timer-event", take_event(), timer);
    check("timer-in-the-past", singleshot(1, 1), TIME_EXPIRED);
    check("timer-singleshot", singleshot(now() + 20 * MILLISECOND, 1), 0);
    check("timer-poll", poll(&timer, 1, 0), 0);
    check("timer-poll-event", take_event(), timer);
    singleshot(now() + 1000ull * MILLISECOND, 0);
    check("timer-stop", hypercall(CALL_VCPU, STOP_SINGLESHOT, 0, 0, 0), 0);
    start = now();
    check("poll-timeout", poll(&timer, 1, start + 3 * MILLISECOND), 0);
    check_true("poll-not-early", now() - start >= 3 * MILLISECOND);
    check("poll-no-event", take_event(), 0);
    uint64_t period = 2 * MILLISECOND, short_period = 1000;
    check("timer-periodic-too-short", hypercall(CALL_VCPU, PERIODIC, 0, at(&short_period), 0), INVALID);
    check("timer-periodic", hypercall(CALL_VCPU, PERIODIC, 0, at(&period), 0), 0);
    for (uint32_t i = 0; i < 3; i++) {
        hypercall(CALL_SCHEDULE, BLOCK, 0, 0, 0);
        check("timer-periodic-event", take_event(), timer);
    }
    check("timer-periodic-stop", hypercall(CALL_VCPU, STOP_PERIODIC, 0, 0, 0), 0);

    shared->mask[timer / 32] |= 1u << timer % 32;
    singleshot(now() + MILLISECOND, 0);
    check("poll-sees-masked-ports", poll(&timer, 1, 0), 0);
    event_call(UNMASK, timer);
    check("poll-masked-event", take_event(), timer);
    uint32_t bad = 5000;
    check("poll-no-such-port", poll(&bad, 1, 0), INVALID);
    check("poll-too-many-ports", poll(&bad, 129, 0), INVALID);
    check("schedule-yield", hypercall(CALL_SCHEDULE, YIELD, 0, 0, 0), 0);
    check("schedule-unknown", hypercall(CALL_SCHEDULE, 44, 0, 0, 0), NO_SYSTEM_CALL);

    static struct runstate state; // is written to from now on
    check("runstate", hypercall(CALL_VCPU, RUNSTATE, 0, at(&state), 0), 0);
    check("runstate-running", state.state, 0);
    check_true("runstate-was-blocked", state.time[2] >= 5 * MILLISECOND);
    uint32_t area[2] = { at(&state), 0 };
    check("runstate-area", hypercall(CALL_VCPU, RUNSTATE_AREA, 0, at(area), 0), 0);
    struct { uint32_t version, padding; uint64_t ticks, time; uint32_t multiplier; int8_t shift; uint8_t flags; uint16_t end; } copy;
    uint32_t copy_area[2] = { at(&copy), 0 };
    check("time-area", hypercall(CALL_VCPU, TIME_AREA, 0, at(copy_area), 0), 0);
    check_true("time-area-is-the-same-clock", copy.version % 2 == 0 && copy.multiplier != 0 && copy.shift == this_vcpu->tsc_shift);
    check("time-area-is-stable", copy.flags & 1, 1);
    uint32_t no_area[2] = { NOWHERE, 0 };
    check("time-area-nowhere", hypercall(CALL_VCPU, TIME_AREA, 0, at(no_area), 0), FAULT);
    copy_area[0] = 0;
    check("time-area-none", hypercall(CALL_VCPU, TIME_AREA, 0, at(copy_area), 0), 0);
    check("vcpu-is-up", hypercall(CALL_VCPU, IS_UP, 0, 0, 0), 1);
    check("vcpu-1-is-none", hypercall(CALL_VCPU, IS_UP, 1, 0, 0), NO_ENTRY);
    check("vcpu-unknown", hypercall(CALL_VCPU, 55, 0, 0, 0), NO_SYSTEM_CALL);

    struct { uint64_t frame; uint32_t offset, reserved; } place = { frame_of(vcpu_page), 4064, 0 };
    check("vcpu-info-across-a-page", hypercall(CALL_VCPU, VCPU_INFO, 0, at(&place), 0), INVALID);
    place.offset = 130;
    check("vcpu-info-unaligned", hypercall(CALL_VCPU, VCPU_INFO, 0, at(&place), 0), INVALID);
    place.offset = 128;
    place.frame = NOWHERE >> 12;
    check("vcpu-info-nowhere", hypercall(CALL_VCPU, VCPU_INFO, 0, at(&place), 0), INVALID);
    place.frame = frame_of(vcpu_page);
    check("vcpu-info", hypercall(CALL_VCPU, VCPU_INFO, 0, at(&place), 0), 0);
    this_vcpu = (struct vcpu_info *)(vcpu_page + 128);
    check("vcpu-info-suspects-all", this_vcpu->pending_selector, 0xFFFFFFFF);
    take_event();
    set_timer(now() + MILLISECOND);
    hypercall(CALL_SCHEDULE, BLOCK, 0, 0, 0);
    check("vcpu-info-events-go-on", take_event(), timer);
    check_true("vcpu-info-clock-goes-on", this_vcpu->tsc_to_system_multiplier != 0);
    event_call(CLOSE, timer);
}
