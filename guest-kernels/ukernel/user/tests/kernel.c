/* Asks the kernel for one of its own tests, in ring 0. */
#include "test.h"

int main(int argc, char **argv)
{
    char why[64] = "no such kernel test";
    if (argc < 2 || selftest(argv[1], why) != 0)
        fail(why);
    return 0;
}
