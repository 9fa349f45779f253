// XenStore, one request at a time.
#pragma once
#include <stdint.h>

enum { STORE_DIRECTORY = 1, STORE_READ = 2, STORE_WATCH = 4, STORE_WRITE = 11, STORE_WATCH_EVENT = 15, STORE_ERROR = 16 };

// Sends a request of two strings, the second without its end when it is a value, and waits for the answer. Returns the answer's type; the text, with
// a zero behind it, is in store_answer.
uint32_t store_ask(uint32_t type, const char *path, const char *value);
uint32_t store_receive(void); // the next message: an answer or an event
void store_write_number(const char *path, uint32_t value);
uint32_t store_number(const char *path); // a node's value; 0 when there is none
extern char store_answer[4097];
