// Port I/O (SDM vol. 1 ch. 19), one function per operand size.
#pragma once
#include <stdint.h>

static inline uint8_t port_read8(uint16_t port)
{
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void port_write8(uint16_t port, uint8_t value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
