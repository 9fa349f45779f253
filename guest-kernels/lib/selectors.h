// The selectors that the shared trap entry and both kernels agree on. Their numbers are none that a host system is
// likely to use for the same purpose, so a host's selector that leaks into a guest is seen.
#pragma once

#define SELECTOR_TSS 0x38
#define SELECTOR_USER_CODE 0x63
#define SELECTOR_USER_DATA 0x6B
#define SELECTOR_KERNEL_CODE 0x88
#define SELECTOR_KERNEL_DATA 0x90
