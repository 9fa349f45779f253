// The code that is timed in the guest and outside, byte for byte the same: it lies in one section and refers to
// nothing outside of it, so a host program can load that section anywhere. It compiles as 64-bit code too.
#include "compute.h"

#define IN_SECTION __attribute__((section(".compute"), noinline, noclone))
#define LEAF IN_SECTION __attribute__((used)) static uint32_t

IN_SECTION uint32_t compute_arith(uint32_t iterations, uint32_t *buffer)
{
    (void)buffer;
    uint32_t a = 0x9E3779B9, b = 1;
    while (iterations--) {
        a = a * 1664525 + 1013904223;
        b ^= a >> 7;
        b += b << 3;
        a ^= b;
    }
    return a + b;
}

IN_SECTION uint32_t compute_sweep(uint32_t iterations, uint32_t *buffer)
{
    enum { LINE_WORDS = 16 };
    uint32_t sum = iterations;
    while (iterations--)
        for (uint32_t i = 0; i < COMPUTE_BUFFER_WORDS; i += LINE_WORDS) {
            sum += buffer[i];
            buffer[i] = sum ^ i;
        }
    return sum;
}

LEAF leaf_add(uint32_t x)
{
    return x + 3;
}

LEAF leaf_mix(uint32_t x)
{
    return x * 5 + 1;
}

LEAF leaf_flip(uint32_t x)
{
    return ~x;
}

LEAF leaf_turn(uint32_t x)
{
    return x << 5 | x >> 27;
}

IN_SECTION uint32_t compute_callret(uint32_t iterations, uint32_t *buffer)
{
    (void)buffer;
    uint32_t x = 1;
    while (iterations--)
        x = leaf_add(x);
    return x;
}

// The address of a leaf, by an offset from here that the assembler knows; C would put an absolute address.
#ifdef __i386__
#define ADDRESS_OF(leaf, pointer) asm("call 1f\n1: popl %0\n\taddl $" #leaf " - 1b, %0" : "=r"(pointer) : : "cc")
#else
#define ADDRESS_OF(leaf, pointer) (pointer = leaf)
#endif

IN_SECTION uint32_t compute_indirect(uint32_t iterations, uint32_t *buffer)
{
    (void)buffer;
    uint32_t (*volatile leaves[4])(uint32_t); // volatile: the pointers are loaded, not known
    uint32_t (*leaf)(uint32_t);
    ADDRESS_OF(leaf_add, leaf);
    leaves[0] = leaf;
    ADDRESS_OF(leaf_mix, leaf);
    leaves[1] = leaf;
    ADDRESS_OF(leaf_flip, leaf);
    leaves[2] = leaf;
    ADDRESS_OF(leaf_turn, leaf);
    leaves[3] = leaf;
    uint32_t x = 1;
    for (uint32_t i = 0; i < iterations; i++)
        x = leaves[i & 3](x);
    return x;
}
