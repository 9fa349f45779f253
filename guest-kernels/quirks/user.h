// Runs a few instructions in ring 3. They end with `int $0x80` and their result in eax, or with the trap they raise.
#pragma once
#include "check.h"
#include "selectors_quirks.h"

// Defines user_NAME, code open to ring 3, and user_NAME_at, the instruction under test.
#define USER_CODE(name, before, under_test)                       \
    asm(".pushsection .user, \"ax\"\n"                            \
        "user_" #name ": " before "\n"                            \
        "user_" #name "_at: " under_test "\n"                     \
        "user_" #name "_after: int $0x80\n"                       \
        "ud2\n"                                                   \
        ".popsection");                                           \
    extern const char user_##name[], user_##name##_at[], user_##name##_after[]

enum { USER_STACK_SIZE = 4096 };
extern char user_stack[USER_STACK_SIZE];

// Enters ring 3 by iret with these flags, and with FS loaded with a ring-0 segment.
void check_user_value(const char *name, const char *entry, uint32_t flags, uint32_t expected);
void check_user_trap(const char *name, const char *entry, uint32_t flags, uint32_t vector, uint32_t error,
                     const char *eip);
