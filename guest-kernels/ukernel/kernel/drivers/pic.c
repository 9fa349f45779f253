/* Remaps the 8259A pair to vectors 32..47, masks what has no handler and acknowledges what has. */
#include "drivers/pic.h"
#include "cpu/instructions.h"
#include "cpu/trap.h"

#define MASTER 0x20
#define SLAVE  0xA0
#define OCW2_EOI 0x20
#define OCW3_READ_ISR 0x0B

static void (*handlers[16])(void);
static uint16_t mask = 0xFFFF & ~(1 << IRQ_CASCADE);

static void write_mask(void)
{
    outb(MASTER + 1, mask & 0xFF); /* 8259A OCW1 */
    outb(SLAVE + 1, mask >> 8);
}

void pic_initialize(void)
{
    outb(MASTER, 0x11);               /* 8259A ICW1: edge triggered, cascade, ICW4 follows */
    outb(SLAVE, 0x11);
    outb(MASTER + 1, VECTOR_IRQ);     /* ICW2: vector base */
    outb(SLAVE + 1, VECTOR_IRQ + 8);
    outb(MASTER + 1, 1 << IRQ_CASCADE); /* ICW3 */
    outb(SLAVE + 1, IRQ_CASCADE);
    outb(MASTER + 1, 0x01);           /* ICW4: 8086 mode, normal EOI */
    outb(SLAVE + 1, 0x01);
    write_mask();
}

void pic_connect(uint32_t irq, void (*handler)(void))
{
    uint32_t flags = interrupts_save();
    handlers[irq] = handler;
    mask &= ~(1 << irq);
    write_mask();
    interrupts_restore(flags);
}

/* A line that drops before the acknowledge shows as IR7 with its in-service bit clear (8259A, spurious interrupts). */
static int is_spurious(uint32_t irq)
{
    if (irq != 7 && irq != 15)
        return 0;
    uint16_t port = irq == 7 ? MASTER : SLAVE;
    outb(port, OCW3_READ_ISR);
    if (inb(port) & 0x80)
        return 0;
    if (irq == 15)
        outb(MASTER, OCW2_EOI); /* the master did see its cascade input */
    return 1;
}

void pic_dispatch(uint32_t irq)
{
    if (is_spurious(irq))
        return;
    if (irq >= 8)
        outb(SLAVE, OCW2_EOI);
    outb(MASTER, OCW2_EOI);
    if (handlers[irq])
        handlers[irq]();
}
