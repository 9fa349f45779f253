// Intel 8259A data sheet: initialization command words ICW1 to ICW4, operation command words OCW1 to OCW3.
#include "pic.h"
#include "port.h"

enum { MASTER = 0x20, SLAVE = 0xA0 }; // command ports; the data port is the next

void pic_init(void)
{
    port_write8(MASTER, 0x11); // ICW1: edge triggered, cascade, ICW4 follows
    port_write8(SLAVE, 0x11);
    port_write8(MASTER + 1, PIC_VECTOR_BASE); // ICW2
    port_write8(SLAVE + 1, PIC_VECTOR_BASE + 8);
    port_write8(MASTER + 1, 0x04); // ICW3: slave on line 2
    port_write8(SLAVE + 1, 0x02);
    port_write8(MASTER + 1, 0x01); // ICW4: 8086 mode
    port_write8(SLAVE + 1, 0x01);
    pic_mask_all();
}

void pic_mask_all(void)
{
    port_write8(MASTER + 1, 0xFF); // OCW1
    port_write8(SLAVE + 1, 0xFF);
}

void pic_unmask(unsigned line)
{
    uint16_t port = line < 8 ? MASTER + 1 : SLAVE + 1;
    port_write8(port, port_read8(port) & (uint8_t)~(1u << (line & 7)));
}

bool pic_is_requested(unsigned line)
{
    port_write8(MASTER, 0x0A); // OCW3: read the interrupt request register
    return port_read8(MASTER) >> line & 1;
}

void pic_end_of_interrupt(unsigned line)
{
    if (line >= 8)
        port_write8(SLAVE, 0x20); // OCW2: non-specific end of interrupt
    port_write8(MASTER, 0x20);
}
