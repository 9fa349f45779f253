// The pair of 8259A interrupt controllers, remapped to vectors 0x20 to 0x2F.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PIC_VECTOR_BASE = 0x20, PIC_MASTER_DATA = 0x21 };

void pic_init(void); // all lines masked
void pic_unmask(unsigned line);
void pic_mask_all(void);
bool pic_is_requested(unsigned line); // lines 0 to 7: the interrupt request register
void pic_end_of_interrupt(unsigned line);
