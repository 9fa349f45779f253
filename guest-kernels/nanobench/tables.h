// GDT, IDT and TSS of the benchmark kernel: the least that ring 3 and the measured gates need.
#pragma once

enum {
    VECTOR_SYSTEM_CALL = 0x80, // returns at once
    VECTOR_LEAVE_USER = 0x81,  // ends user_loop
    VECTOR_NOTHING = 0x82,     // returns at once
};

void tables_init(void);
