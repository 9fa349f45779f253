// in and out in all their forms, on registers that are plain storage: the scratch register of COM1 and the mask of
// the master PIC.
#include "../lib/pic.h"
#include "../lib/uart.h"
#include "check.h"
#include "groups.h"

PROBE out_in_dx(void)
{
    uint8_t saw;
    asm volatile("outb %1, %2; movb $0, %0; inb %2, %0"
                 : "=&a"(saw)
                 : "0"((uint8_t)0x5A), "d"((uint16_t)UART_SCRATCH));
    return saw;
}

PROBE out_in_immediate(void)
{
    uint8_t saw;
    asm volatile("movb $0xB7, %%al; outb %%al, %1; movb $0, %%al; inb %1, %%al; movb %%al, %b0;"
                 "movb $0xFF, %%al; outb %%al, %1"
                 : "=&q"(saw)
                 : "N"(PIC_MASTER_DATA)
                 : "eax");
    return saw;
}

PROBE in_keeps_upper_bytes(void)
{
    uint32_t saw = 0x11223300;
    asm volatile("outb %b0, %1; movb $0xFF, %b0; inb %1, %b0" : "+a"(saw) : "d"((uint16_t)UART_SCRATCH));
    return saw;
}

PROBE string_out_in(void)
{
    static const uint8_t source[4] = { 1, 2, 3, 0x66 };
    uint8_t target[4] = { 0 };
    const uint8_t *from = source;
    uint8_t *to = target;
    uint32_t count = sizeof source;
    asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"((uint16_t)UART_SCRATCH) : "memory");
    uint32_t left = count;
    count = 2;
    asm volatile("rep insb" : "+D"(to), "+c"(count) : "d"((uint16_t)UART_SCRATCH) : "memory");
    bool pointers = from == source + 4 && to == target + 2 && left == 0 && count == 0;
    return pointers ? (uint32_t)target[0] << 16 | target[1] << 8 | target[2] : 0xBAD;
}

PROBE out_delay_port(void)
{
    uint32_t saw = 0x12345678;
    asm volatile("outb %%al, $0x80; outb %%al, %%dx" : "+a"(saw) : "d"((uint16_t)0x80));
    return saw;
}

void check_ports(void)
{
    check_value("out-in-dx", out_in_dx, 0x5A);
    check_value("out-in-imm8", out_in_immediate, 0xB7);
    check_value("in-keeps-upper-bytes", in_keeps_upper_bytes, 0x11223300);
    check_value("outs-ins", string_out_in, 0x666600);
    check_value("out-keeps-registers", out_delay_port, 0x12345678);
}
