// The shortest handlers that do their job, so that the figures show the machine and not the kernel.
#pragma once
#include <stdint.h>

extern const char handle_nothing[], handle_divide[], handle_page_fault[], handle_leave_user[];

// Makes so many system calls from ring 3; returns when they are done.
void run_user_loop(uint32_t iterations);

extern uint32_t fault_entry; // what handle_page_fault writes into the page table
