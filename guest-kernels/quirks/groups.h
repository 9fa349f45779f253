// The groups of checks, in the order in which main.c runs them.
#pragma once

void check_table_registers(void);
void check_flags(void);
void check_descriptor_queries(void);
void check_segment_loads(void);
void check_segment_bases(void);
void check_far_transfers(void);
void check_software_interrupts(void);
void check_exceptions(void);
void check_control_registers(void);
void check_table_reload(void);
void check_paging(void);
void check_processor(void);
void check_ports(void);
void check_hardware_interrupts(void);
void check_user_mode(void);
void check_user_faults(void);
void check_code_bytes(void);

void check_deep(void);   // with `deep` on the command line
void check_limits(void); // with `limits`
