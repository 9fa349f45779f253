// Where far calls, jumps and gates of the checks arrive; far_transfers.S says what each returns.
#pragma once

extern const char far_target[];                 // eax = CS << 16 | pushed CS; far return
extern const char far_target_pop[];             // the same, and the far return drops 8 bytes of parameters
extern const char gate_target[];                // as far_target
extern const char gate_target_two_parameters[]; // eax = CS << 16 | (first - second); drops both
