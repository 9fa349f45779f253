/* Tests that must run in ring 0; the user program /tests/kernel asks for them by name. */
#ifndef SELFTEST_SELFTEST_H
#define SELFTEST_SELFTEST_H
#include <stdint.h>

#define WHY_LENGTH 64

int selftest_run(const char *name, uint32_t why_address); /* 0, -EINVAL for failed (why at the address), -ENOENT */

/* Each returns 0 or why it failed. */
typedef const char *selftest(void);
selftest selftest_remap, selftest_large_page, selftest_write_protect, selftest_accessed_dirty, selftest_directory_reload;
selftest selftest_interrupt_flag, selftest_timer_counter, selftest_pic_mask;

#endif
