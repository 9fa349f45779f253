// A kernel that reads its own code finds the bytes that were assembled, before and after they ran.
#include "check.h"
#include "groups.h"

extern const uint8_t sensitive_code[], sensitive_code_end[], sensitive_constants[];
uint32_t sensitive_code_run(void) __asm__("sensitive_code");

// The first bytes, written out: an image whose code and constants were changed alike is found out too.
static const uint8_t first_bytes[] = { 0x9C, 0xFA, 0x0F, 0x01, 0x44, 0x24, 0xF0, 0x0F, 0x01, 0x4C, 0x24, 0xF0 };

static uint32_t differing_bytes(const uint8_t *a, const uint8_t *b, uint32_t count)
{
    uint32_t differing = 0;
    for (uint32_t i = 0; i < count; i++)
        differing += ((const volatile uint8_t *)a)[i] != ((const volatile uint8_t *)b)[i];
    return differing;
}

PROBE code_as_assembled(void)
{
    return differing_bytes(sensitive_code, first_bytes, sizeof first_bytes);
}

PROBE constants_as_assembled(void)
{
    return differing_bytes(sensitive_constants, first_bytes, sizeof first_bytes);
}

PROBE code_equals_constants(void)
{
    return differing_bytes(sensitive_code, sensitive_constants, (uint32_t)(sensitive_code_end - sensitive_code));
}

void check_code_bytes(void)
{
    check_value("code-bytes", code_as_assembled, 0);
    check_value("code-bytes-of-constants", constants_as_assembled, 0);
    check_value("code-runs", sensitive_code_run, 0x600D);
    check_value("code-bytes-after-running", code_equals_constants, 0);
}
