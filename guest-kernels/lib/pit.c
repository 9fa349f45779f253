// Intel 8254 data sheet; the gate and output of channel 2 are bits 0 and 5 of the system control port B, 0x61.
#include "pit.h"
#include "port.h"

enum { CHANNEL0 = 0x40, CHANNEL2 = 0x42, CONTROL = 0x43, CONTROL_PORT_B = 0x61 };
enum { GATE2 = 0x01, SPEAKER = 0x02, OUTPUT2 = 0x20 };

static void write_count(uint16_t port, uint16_t ticks)
{
    port_write8(port, ticks & 0xFF);
    port_write8(port, ticks >> 8);
}

void pit_start_once(uint16_t ticks)
{
    port_write8(CONTROL, 0x30); // channel 0, low then high byte, mode 0
    write_count(CHANNEL0, ticks);
}

void pit_start_counting(void)
{
    port_write8(CONTROL, 0x34); // channel 0, low then high byte, mode 2
    write_count(CHANNEL0, 0);
}

uint16_t pit_count(void)
{
    port_write8(CONTROL, 0x00); // latch channel 0
    uint8_t low = port_read8(CHANNEL0);
    return low | (uint16_t)port_read8(CHANNEL0) << 8;
}

void pit_gate_start(uint16_t ticks)
{
    uint8_t other = port_read8(CONTROL_PORT_B) & (uint8_t)~(GATE2 | SPEAKER);
    port_write8(CONTROL_PORT_B, other);
    port_write8(CONTROL, 0xB0); // channel 2, low then high byte, mode 0: output low until the count is done
    write_count(CHANNEL2, ticks);
    port_write8(CONTROL_PORT_B, other | GATE2);
}

bool pit_gate_is_done(void)
{
    return port_read8(CONTROL_PORT_B) & OUTPUT2;
}
