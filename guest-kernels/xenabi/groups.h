// One function a file, in the order in which main.c calls them.
#pragma once

void check_version(void);
void check_parameters(void);
void check_memory(void);
void check_events(void);
void check_upcalls(void);
void check_timers(void);
void check_grants(void);
void check_batches(void);
void check_page_tables(void);
void check_store(void);
void check_console(void);
void check_disk(void);
void check_network(void);
void measure_network(void);
