// The descriptor table of this kernel: one descriptor of each kind that an instruction may be asked about. Several
// numbers (0x20, 0x28, 0x78) are those of valid ring-3 descriptors of 64-bit Linux, so that a selector loaded from the
// host's table instead of the guest's shows.
#pragma once
#include "../lib/selectors.h"

#define SELECTOR_BASED 0x08          // data, base based_area, byte granular
#define SELECTOR_EXPAND_DOWN 0x10    // data, expand-down
#define SELECTOR_CONFORMING 0x18     // code, conforming
#define SELECTOR_USER_READ_ONLY 0x20 // data, DPL 3, read-only
#define SELECTOR_BASED_SECOND 0x28   // data, base second_area
#define SELECTOR_LDT 0x30
// 0x38 is SELECTOR_TSS
#define SELECTOR_NOT_PRESENT_DATA 0x40
#define SELECTOR_NOT_PRESENT_CODE 0x48
#define SELECTOR_GATE 0x50      // call gate, DPL 0, no parameters
#define SELECTOR_USER_GATE 0x5B // call gate, DPL 3, two parameters
// 0x60 and 0x68 are the user's code and data
#define SELECTOR_EXECUTE_ONLY 0x70
#define SELECTOR_SMALL_CODE 0x78 // code, one page long
#define SELECTOR_BASED_CODE 0x80 // code, base BASED_CODE_BASE
// 0x88 and 0x90 are the kernel's code and data
#define SELECTOR_CODE_ALIAS 0x98 // as the kernel's code
#define SELECTOR_DATA_ALIAS 0xA0 // as the kernel's data
#define SELECTOR_TASK_GATE 0xA8
#define SELECTOR_INTERRUPT_GATE 0xB0 // has no meaning in this table
#define SELECTOR_RESERVED 0xB8       // system type 8
#define SELECTOR_TSS16 0xC0
#define SELECTOR_FRESH 0xC8 // data, not yet accessed
#define SELECTOR_BEYOND 0xD0 // the first one past the limit

#define SELECTOR_LOCAL_DATA 0x0C // in the LDT, base local_area
#define SELECTOR_LOCAL_CODE 0x14
#define SELECTOR_LOCAL_READ_ONLY 0x1C
#define SELECTOR_LOCAL_USER 0x27 // DPL 3, base local_area
#define SELECTOR_LOCAL_NOT_PRESENT 0x2C
#define SELECTOR_LOCAL_BEYOND 0x34

#define BASED_CODE_BASE 0x00080000

#define VECTOR_INTERRUPT_GATE 0x40
#define VECTOR_TRAP_GATE 0x41
#define VECTOR_ALIAS_GATE 0x42 // enters through SELECTOR_CODE_ALIAS
#define VECTOR_NOT_PRESENT 0x43
#define VECTOR_KERNEL_ONLY 0x44 // DPL 0
#define VECTOR_SYSTEM_CALL 0x80
#define VECTOR_BEYOND 0xF0 // past the limit of the IDT

#define IDT_ENTRIES 0x90 // vectors within the limit of the IDT
