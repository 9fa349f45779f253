/* Open files: what a descriptor points to; fork and dup share them. */
#ifndef FILES_FILE_H
#define FILES_FILE_H
#include "abi/files.h"
#include "files/inode.h"
#include "files/pipe.h"

struct file {
    enum file_type type;
    uint32_t references, flags, offset;
    struct inode *inode;
    struct pipe *pipe;
};

struct file *file_open_console(void);                                   /* these return 0 when the table is full */
struct file *file_open_inode(struct inode *inode, uint32_t flags);      /* takes over the caller's reference */
bool file_open_pipe(struct file *ends[2]);
void file_share(struct file *file);
void file_close(struct file *file);
int file_read(struct file *file, void *buffer, uint32_t count);
int file_write(struct file *file, const void *buffer, uint32_t count);
int file_seek(struct file *file, int offset, uint32_t whence);

#endif
