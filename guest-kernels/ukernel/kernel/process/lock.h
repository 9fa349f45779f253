/* A lock whose waiters sleep; its holder may sleep too. */
#ifndef PROCESS_LOCK_H
#define PROCESS_LOCK_H
#include <stdbool.h>

struct lock { bool held; };

void lock_acquire(struct lock *lock);
void lock_release(struct lock *lock);

#endif
