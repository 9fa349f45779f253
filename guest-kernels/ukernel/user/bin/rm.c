/* Removes files and empty directories. */
#include "user.h"

int main(int argc, char **argv)
{
    int result = 0;
    for (int i = 1; i < argc; i++) {
        int error = unlink(argv[i]);
        if (error)
            print_to(2, "rm: %s: error %d\n", argv[i], -error);
        result |= error != 0;
    }
    return result;
}
