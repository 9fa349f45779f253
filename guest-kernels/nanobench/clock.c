// Calibration by channel 2 of the 8254, whose output can be read; where its gate is missing, by reading channel 0.
#include "clock.h"
#include "../lib/cpu.h"
#include "../lib/pit.h"

enum { TICKS = PIT_HZ / 50 /* 20 ms */, MANY_READS = 1000000 };

uint64_t divide64(uint64_t dividend, uint32_t divisor)
{
    uint32_t high = (uint32_t)(dividend >> 32), low = (uint32_t)dividend, quotient_high = high / divisor;
    uint32_t remainder = high % divisor, quotient_low;
    asm("divl %4" : "=a"(quotient_low), "=d"(remainder) : "0"(low), "1"(remainder), "r"(divisor) : "cc");
    return (uint64_t)quotient_high << 32 | quotient_low;
}

static uint32_t kilohertz(uint64_t cycles, uint32_t ticks)
{
    return (uint32_t)divide64(cycles * PIT_HZ, ticks * 1000);
}

static uint32_t calibrate_by_gate(void)
{
    pit_gate_start(TICKS);
    uint64_t start = read_time_stamp();
    if (pit_gate_is_done())
        return 0; // stuck
    for (uint32_t i = 0; i < MANY_READS; i++)
        if (pit_gate_is_done())
            return kilohertz(read_time_stamp() - start, TICKS);
    return 0;
}

static uint32_t calibrate_by_count(void)
{
    pit_start_counting();
    uint16_t first = pit_count();
    uint64_t start = read_time_stamp();
    for (uint32_t i = 0; i < MANY_READS; i++) {
        uint16_t gone = (uint16_t)(first - pit_count());
        if (gone >= TICKS)
            return kilohertz(read_time_stamp() - start, gone);
    }
    return 0;
}

uint32_t clock_calibrate(const char **source)
{
    // Whatever delays a read makes the clock look faster: the slowest of a few tries is the truest.
    uint32_t frequency = calibrate_by_gate();
    for (int i = 1; i < 3 && frequency; i++) {
        uint32_t again = calibrate_by_gate();
        if (again && again < frequency)
            frequency = again;
    }
    *source = "pit channel 2";
    if (!frequency) {
        frequency = calibrate_by_count();
        *source = frequency ? "pit channel 0" : "no timer";
    }
    return frequency;
}
