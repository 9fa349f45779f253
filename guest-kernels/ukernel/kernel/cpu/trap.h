/* The frame that every trap pushes (layout == push order of trap.S) and what C may do with it. */
#ifndef CPU_TRAP_H
#define CPU_TRAP_H
#include <stdbool.h>
#include <stdint.h>

#define VECTOR_DEVICE_NOT_AVAILABLE 7
#define VECTOR_PAGE_FAULT 14
#define VECTOR_IRQ 32
#define VECTOR_SYSCALL 0x80

struct trap_frame {
    uint32_t gs, fs, es, ds;
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss; /* only when the trap came from ring 3 */
};

static inline bool trap_from_user(const struct trap_frame *frame) { return (frame->cs & 3) == 3; }

void trap_initialize(void);
void trap_dispatch(struct trap_frame *frame);
void trap_return(void); /* the tail of trap.S: pops a frame at ESP and goes back */

void exception_handle(struct trap_frame *frame);
void syscall_handle(struct trap_frame *frame);

#endif
