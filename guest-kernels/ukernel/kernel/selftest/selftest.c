/* The table of ring-0 tests. */
#include "selftest/selftest.h"
#include "abi/errors.h"
#include "memory/user_copy.h"
#include "string.h"

static const struct { const char *name; selftest *run; } selftests[] = {
    { "remap", selftest_remap },
    { "large-page", selftest_large_page },
    { "write-protect", selftest_write_protect },
    { "accessed-dirty", selftest_accessed_dirty },
    { "directory-reload", selftest_directory_reload },
    { "interrupt-flag", selftest_interrupt_flag },
    { "timer-counter", selftest_timer_counter },
    { "pic-mask", selftest_pic_mask },
};

int selftest_run(const char *name, uint32_t why_address)
{
    for (uint32_t i = 0; i < sizeof selftests / sizeof *selftests; i++) {
        if (!strings_equal(name, selftests[i].name))
            continue;
        const char *why = selftests[i].run();
        if (!why)
            return 0;
        uint32_t size = string_length(why) + 1;
        return size <= WHY_LENGTH && copy_to_user(why_address, why, size) ? -EINVAL : -EFAULT;
    }
    return -ENOENT;
}
