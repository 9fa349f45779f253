// Compares, counts and prints.
#include "check.h"
#include "../lib/print.h"

static uint32_t made, wrong;

uint32_t guarded_call(probe *body); // guarded.S
extern uint32_t guarded_was_cut; // guarded.S: whether a trap ended the last call

bool run_guarded(probe *body, uint32_t *result)
{
    last_trap = (struct trap_record){ 0 };
    *result = guarded_call(body);
    return !guarded_was_cut;
}

static void report_wrong(const char *name)
{
    wrong++;
    print("%s WRONG saw ", name);
}

static void print_trap(void)
{
    print("trap %u error %x eip %x", last_trap.vector, last_trap.error, last_trap.eip);
}

void check_equal(const char *name, uint32_t saw, uint32_t expected)
{
    made++;
    if (saw == expected) {
        print("%s OK\n", name);
        return;
    }
    report_wrong(name);
    print("%x expected %x\n", saw, expected);
}

void check_value(const char *name, probe *body, uint32_t expected)
{
    uint32_t saw;
    if (run_guarded(body, &saw)) {
        check_equal(name, saw, expected);
        return;
    }
    made++;
    report_wrong(name);
    print_trap();
    print(" expected %x\n", expected);
}

void check_trap(const char *name, probe *body, uint32_t vector, uint32_t error, const char *eip)
{
    uint32_t saw;
    bool finished = run_guarded(body, &saw);
    made++;
    if (!finished && last_trap.vector == vector && last_trap.error == error && last_trap.eip == (uint32_t)eip) {
        print("%s OK\n", name);
        return;
    }
    report_wrong(name);
    if (finished)
        print("no trap, result %x", saw);
    else
        print_trap();
    print(" expected trap %u error %x eip %x\n", vector, error, (uint32_t)eip);
}

const char *name_of(const char *first, const char *second)
{
    static char name[64];
    char *at = name, *end = name + sizeof name - 1;
    while (*first && at < end)
        *at++ = *first++;
    while (*second && at < end)
        *at++ = *second++;
    *at = '\0';
    return name;
}

uint32_t checks_made(void)
{
    return made;
}

uint32_t checks_wrong(void)
{
    return wrong;
}
