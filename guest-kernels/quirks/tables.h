// The tables that the processor works from, and the areas that the based segments point to.
#pragma once
#include "../lib/descriptor.h"
#include "selectors_quirks.h"

enum {
    GDT_ENTRIES = SELECTOR_BEYOND / 8,
    LDT_ENTRIES = SELECTOR_LOCAL_BEYOND / 8,
    TRAP_STACK_SIZE = 8192,
    AREA_WORDS = 16,
};

extern struct descriptor gdt[GDT_ENTRIES];
extern struct descriptor ldt[LDT_ENTRIES];
extern struct descriptor idt[];
extern struct task_state tss;
extern struct table_register gdt_register, idt_register;
extern char trap_stack[TRAP_STACK_SIZE]; // esp0 is its end: where traps from ring 3 begin

// Word i of an area is its mark + i.
enum { BASED_MARK = 0x5EED0000, SECOND_MARK = 0x30A70000, LOCAL_MARK = 0x10CA0000 };
extern uint32_t based_area[AREA_WORDS], second_area[AREA_WORDS], local_area[AREA_WORDS];

void areas_reset(void);
void tables_init(void);
