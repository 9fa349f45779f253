#include "../lib/print.h"
#include "check.h"

static uint32_t made, wrong;

void check(const char *name, uint32_t saw, uint32_t expected)
{
    made++;
    if (saw == expected) {
        print("%s OK\n", name);
        return;
    }
    wrong++;
    print("%s WRONG saw %x expected %x\n", name, saw, expected);
}

void check_true(const char *name, bool is_true)
{
    check(name, is_true, true);
}

uint32_t checks_made(void)
{
    return made;
}

uint32_t checks_wrong(void)
{
    return wrong;
}
