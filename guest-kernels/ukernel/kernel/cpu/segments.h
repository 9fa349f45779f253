/* Selectors of the GDT; assembly includes this file. */
#ifndef CPU_SEGMENTS_H
#define CPU_SEGMENTS_H

#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE   0x1B
#define USER_DATA   0x23
#define TASK_STATE  0x28

#ifndef __ASSEMBLER__
#include <stdint.h>
void segments_initialize(void);
void segments_set_kernel_stack(uint32_t esp0);
#endif

#endif
