/* The table of open files, and the switch over what kind each is. Buffers are kernel memory. */
#include "files/file.h"
#include "abi/errors.h"
#include "console.h"

#define FILE_COUNT 256

static struct file files[FILE_COUNT];

static struct file *allocate(enum file_type type, uint32_t flags)
{
    for (struct file *f = files; f < files + FILE_COUNT; f++)
        if (!f->references) {
            *f = (struct file){ .type = type, .references = 1, .flags = flags };
            return f;
        }
    return 0;
}

struct file *file_open_console(void) { return allocate(TYPE_CONSOLE, O_READ | O_WRITE); }

struct file *file_open_inode(struct inode *inode, uint32_t flags)
{
    struct file *file = allocate(inode->type, flags);
    if (file)
        file->inode = inode;
    return file;
}

bool file_open_pipe(struct file *ends[2])
{
    struct pipe *pipe = pipe_create();
    if (!pipe)
        return false;
    ends[0] = allocate(TYPE_PIPE, O_READ);
    ends[1] = allocate(TYPE_PIPE, O_WRITE);
    for (int i = 0; i < 2; i++)
        if (ends[i])
            ends[i]->pipe = pipe;
    if (ends[0] && ends[1])
        return true;
    for (int i = 0; i < 2; i++) {
        if (ends[i])
            ends[i]->references = 0;
        pipe_close(pipe, i == 1);
    }
    return false;
}

void file_share(struct file *file) { file->references++; }

void file_close(struct file *file)
{
    if (--file->references)
        return;
    if (file->pipe)
        pipe_close(file->pipe, file->flags & O_WRITE);
    if (file->inode)
        inode_release(file->inode);
}

int file_read(struct file *file, void *buffer, uint32_t count)
{
    if (!(file->flags & O_READ))
        return -EBADF;
    if (file->type == TYPE_CONSOLE)
        return console_read(buffer, count);
    if (file->type == TYPE_PIPE)
        return pipe_read(file->pipe, buffer, count);
    int done = inode_read(file->inode, file->offset, buffer, count);
    if (done > 0)
        file->offset += done;
    return done;
}

int file_write(struct file *file, const void *buffer, uint32_t count)
{
    if (!(file->flags & O_WRITE))
        return -EBADF;
    if (file->type == TYPE_CONSOLE) {
        console_write(buffer, count);
        return count;
    }
    if (file->type == TYPE_PIPE)
        return pipe_write(file->pipe, buffer, count);
    if (file->flags & O_APPEND)
        file->offset = file->inode->operations->size(file->inode);
    int done = file->inode->operations->write(file->inode, file->offset, buffer, count);
    if (done > 0)
        file->offset += done;
    return done;
}

int file_seek(struct file *file, int offset, uint32_t whence)
{
    if (!file->inode)
        return -ESPIPE;
    uint32_t base = whence == SEEK_SET ? 0 : whence == SEEK_CURRENT ? file->offset : file->inode->operations->size(file->inode);
    if (whence > SEEK_END || (int)(base + offset) < 0)
        return -EINVAL;
    return file->offset = base + offset;
}
