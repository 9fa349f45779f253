// Work that never leaves user mode: it should cost the guest what it costs the host.
#include "operations.h"

enum { SIEVE_LIMIT = 65536, MATRIX_SIZE = 48, COPY_BYTES = 256 * 1024, SHA_BYTES = 4096 };

uint32_t run_sieve(uint32_t iterations)
{
    static uint8_t composite[SIEVE_LIMIT];
    uint32_t primes = 0;
    while (iterations--) {
        memset(composite, 0, sizeof composite);
        for (uint32_t i = 2; i < SIEVE_LIMIT; i++) {
            if (composite[i])
                continue;
            primes++;
            for (uint32_t j = i * 2; j < SIEVE_LIMIT; j += i)
                composite[j] = 1;
        }
    }
    return primes;
}

// In the x87, as an i686 compiler does it.
uint32_t run_matrix(uint32_t iterations)
{
    static double a[MATRIX_SIZE][MATRIX_SIZE], b[MATRIX_SIZE][MATRIX_SIZE], c[MATRIX_SIZE][MATRIX_SIZE];
    for (int i = 0; i < MATRIX_SIZE; i++)
        for (int j = 0; j < MATRIX_SIZE; j++) {
            a[i][j] = i + 1;
            b[i][j] = j - i;
        }
    while (iterations--)
        for (int i = 0; i < MATRIX_SIZE; i++)
            for (int j = 0; j < MATRIX_SIZE; j++) {
                double sum = 0;
                for (int k = 0; k < MATRIX_SIZE; k++)
                    sum += a[i][k] * b[k][j];
                c[i][j] = sum;
            }
    return (uint32_t)(int32_t)c[3][5];
}

uint32_t run_lcg(uint32_t iterations)
{
    uint32_t state = 1;
    for (; iterations; iterations--)
        for (int i = 0; i < 1000; i++)
            state = (state ^ state >> 15) * 1664525 + 1013904223;
    return state;
}

uint32_t run_memory_copy(uint32_t iterations)
{
    static uint32_t from[COPY_BYTES / 4], to[COPY_BYTES / 4];
    from[0] = 1;
    while (iterations--) {
        memcpy(to, from, sizeof to);
        from[7] += to[0];
    }
    return from[7];
}

static uint32_t rotate(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

// FIPS 180-4. The constants are computed: fractional parts of the cube roots of the first 64 primes.
static uint32_t constants[64];

static void make_constants(void)
{
    for (uint32_t n = 2, found = 0; found < 64; n++) {
        uint32_t divisor = 2;
        while (divisor < n && n % divisor)
            divisor++;
        if (divisor < n)
            continue;
        // Newton's iteration; the x87 carries 64 bits, of which 3 are the integer part.
        long double root = 3;
        for (int i = 0; i < 60; i++)
            root -= (root * root * root - n) / (3 * root * root);
        constants[found++] = (uint32_t)(int64_t)((root - (int)root) * 4294967296.0L);
    }
}

static void sha256_block(uint32_t *hash, const uint8_t *block)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | block[i * 4 + 1] << 16 | block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, hash, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t first = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                         constants[i] + w[i];
        uint32_t second = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j > 0; j--)
            s[j] = s[j - 1];
        s[4] += first;
        s[0] = first + second;
    }
    for (int i = 0; i < 8; i++)
        hash[i] += s[i];
}

uint32_t run_sha256(uint32_t iterations)
{
    static uint8_t data[SHA_BYTES];
    uint32_t hash[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    if (!constants[0])
        make_constants();
    while (iterations--)
        for (int at = 0; at < SHA_BYTES; at += 64)
            sha256_block(hash, data + at);
    return hash[0];
}
