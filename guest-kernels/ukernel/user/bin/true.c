/* Succeeds: the smallest program, for measuring fork and exec. */
int main(void) { return 0; }
