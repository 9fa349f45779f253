/* The user library: system calls (values or -errno) and a little of the C library. */
#ifndef USER_H
#define USER_H
#include "abi/errors.h"
#include "abi/files.h"
#include "abi/signals.h"
#include "abi/syscalls.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void signal_handler(int signal, struct signal_context *context);

void exit(int code) __attribute__((noreturn));
int fork(void);
int read(int descriptor, void *buffer, unsigned count);
int write(int descriptor, const void *buffer, unsigned count);
int open(const char *path, int flags);
int close(int descriptor);
int waitpid(int pid, int *status, int options);
int unlink(const char *path);
int exec(const char *path, char *const argv[]);
int lseek(int descriptor, int offset, int whence);
int getpid(void);
int getppid(void);
int pipe(int descriptors[2]);
int dup(int descriptor);
int dup2(int descriptor, int target);
void *sbrk(int delta);                  /* failure: sbrk_failed(result) */
int sleep(unsigned milliseconds);
int sleep_until(unsigned milliseconds);
int kill(int pid, int signal);
int yield(void);
unsigned uptime(void);
int signal_raw(int signal, signal_handler *handler, void (*restorer)(void));
int cputime(int pid);
int mkdir(const char *path);
int sync(int forget);
int free_memory(void);
int free_blocks(void);
int selftest(const char *name, char *why);
int poweroff(int success);
int fstat(int descriptor, struct file_status *status);
int bad_system_call(void);
int raw_system_call(int number, uint32_t a, uint32_t b, uint32_t c);

void signal_restorer(void);
static inline int signal(int number, signal_handler *handler) { return signal_raw(number, handler, signal_restorer); }
static inline bool sbrk_failed(const void *p) { return (uint32_t)p >= 0xC0000000u; }

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
char *strcpy(char *to, const char *from);
int atoi(const char *s);
void print(const char *format, ...);                    /* %s %c %d %u %x, to descriptor 1 */
void print_to(int descriptor, const char *format, ...);

#endif
