/* Counts the primes below its argument. */
#include "user.h"

int main(int argc, char **argv)
{
    unsigned limit = argc > 1 ? atoi(argv[1]) : 100, primes = 0;
    uint8_t *composite = sbrk(limit);
    if (sbrk_failed(composite))
        return 1;
    for (unsigned i = 2; i < limit; i++) {
        if (composite[i])
            continue;
        primes++;
        for (unsigned j = i + i; j < limit; j += i)
            composite[j] = 1;
    }
    print("%u\n", primes);
    return 0;
}
