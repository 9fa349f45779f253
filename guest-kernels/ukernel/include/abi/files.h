/* Flags, records and limits of the file system calls. */
#ifndef ABI_FILES_H
#define ABI_FILES_H
#include <stdint.h>

#define O_READ     1
#define O_WRITE    2
#define O_CREATE   4
#define O_TRUNCATE 8
#define O_APPEND   16

#define SEEK_SET 0
#define SEEK_CURRENT 1
#define SEEK_END 2

#define WAIT_NOHANG 1

#define NAME_LENGTH 28
#define PATH_LENGTH 128

enum file_type { TYPE_NONE, TYPE_FILE, TYPE_DIRECTORY, TYPE_PIPE, TYPE_CONSOLE };

/* What reading a directory yields, and how the disk stores it. Inode 0 marks a free slot. */
struct directory_entry { uint32_t inode; char name[NAME_LENGTH]; };

struct file_status { uint32_t type, size; };

#endif
