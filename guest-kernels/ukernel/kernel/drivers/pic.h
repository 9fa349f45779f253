/* The two cascaded 8259A interrupt controllers. */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H
#include <stdint.h>

#define IRQ_TIMER 0
#define IRQ_CASCADE 2
#define IRQ_UART 4
#define IRQ_IDE 14

void pic_initialize(void);
void pic_connect(uint32_t irq, void (*handler)(void)); /* also unmasks it */
void pic_dispatch(uint32_t irq);

#endif
