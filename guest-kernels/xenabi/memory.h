#pragma once
#include <stdint.h>

extern uint8_t grant_page[4096]; // frame 0 of the grant table
int32_t balloon_out(uint32_t frame); // how many were given back
int32_t balloon_out_all(const uint32_t *frames, uint32_t count);
int32_t balloon_in(uint32_t frame);
