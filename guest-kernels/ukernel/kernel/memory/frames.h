/* Physical page frames: allocation, sharing by reference count, and the promise that heaps can be backed. */
#ifndef MEMORY_FRAMES_H
#define MEMORY_FRAMES_H
#include <stdbool.h>
#include <stdint.h>

void frames_initialize(uint32_t first, uint32_t end);
uint32_t frame_allocate(void);          /* physical address, contents undefined; 0 when none is left */
uint32_t frame_allocate_zeroed(void);
void frame_share(uint32_t frame);
void frame_release(uint32_t frame);
bool frame_is_shared(uint32_t frame);
uint32_t frames_free(void);

bool frames_commit(uint32_t count);     /* false: memory could not back so much heap */
void frames_uncommit(uint32_t count);

#endif
