/* Sends a process a signal: kill PID [SIGNAL]. */
#include "user.h"

int main(int argc, char **argv) { return argc < 2 || kill(atoi(argv[1]), argc > 2 ? atoi(argv[2]) : SIGTERM) != 0; }
