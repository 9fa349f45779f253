/* System calls on descriptors and paths. Data pass through one kernel page, so that no lock is held when a user page faults. */
#include "abi/errors.h"
#include "files/file.h"
#include "memory/frames.h"
#include "memory/layout.h"
#include "memory/user_copy.h"
#include "process/process.h"
#include "process/syscall.h"

static struct file *lookup(uint32_t descriptor)
{
    return descriptor < DESCRIPTOR_COUNT ? current->descriptors[descriptor] : 0;
}

static int install(struct file *file)
{
    for (int i = 0; i < DESCRIPTOR_COUNT; i++)
        if (!current->descriptors[i]) {
            current->descriptors[i] = file;
            return i;
        }
    return -EMFILE;
}

static int transfer(uint32_t descriptor, uint32_t address, uint32_t count, bool write)
{
    struct file *file = lookup(descriptor);
    if (!file)
        return -EBADF;
    if (count > 0x7FFFFFFF)
        return -EINVAL;
    uint32_t frame = frame_allocate();
    if (!frame)
        return -ENOMEM;
    uint8_t *page = physical_to_virtual(frame);
    uint32_t done = 0;
    int result = 0;
    file_share(file); /* it must outlive a sleep, whatever happens to the descriptor */
    do {
        uint32_t chunk = count - done < PAGE_SIZE ? count - done : PAGE_SIZE;
        if (write && !copy_from_user(page, address + done, chunk))
            result = -EFAULT;
        else
            result = write ? file_write(file, page, chunk) : file_read(file, page, chunk);
        if (result > 0 && !write && !copy_to_user(address + done, page, result))
            result = -EFAULT;
        if (result <= 0)
            break;
        done += result;
        if ((uint32_t)result < chunk || (!write && !file->inode)) /* pipes and the console give what there is */
            break;
    } while (done < count);
    file_close(file);
    frame_release(frame);
    return done ? (int)done : result;
}

int sys_read(struct trap_frame *frame, uint32_t descriptor, uint32_t address, uint32_t count)
{
    return transfer(descriptor, address, count, false);
}

int sys_write(struct trap_frame *frame, uint32_t descriptor, uint32_t address, uint32_t count)
{
    return transfer(descriptor, address, count, true);
}

static int open_inode(const char *path, uint32_t flags, struct inode **inode)
{
    int error = inode_open(path, inode);
    if (error == -ENOENT && flags & O_CREATE) {
        error = inode_create(path, TYPE_FILE);
        if (error == 0 || error == -EEXIST) /* another process may have been faster */
            error = inode_open(path, inode);
    }
    if (!error && flags & O_WRITE && (*inode)->type == TYPE_DIRECTORY) {
        inode_release(*inode);
        error = -EISDIR;
    }
    return error;
}

int sys_open(struct trap_frame *frame, uint32_t path_address, uint32_t flags, uint32_t c)
{
    char path[PATH_LENGTH];
    struct inode *inode;
    int error = copy_string_from_user(path, path_address, sizeof path);
    if (error < 0 || (error = open_inode(path, flags, &inode)) != 0)
        return error;
    if (flags & O_TRUNCATE && (error = inode->operations->truncate(inode)) != 0) {
        inode_release(inode);
        return error;
    }
    struct file *file = file_open_inode(inode, flags);
    if (!file) {
        inode_release(inode);
        return -ENFILE;
    }
    int descriptor = install(file);
    if (descriptor < 0)
        file_close(file);
    return descriptor;
}

int sys_close(struct trap_frame *frame, uint32_t descriptor, uint32_t b, uint32_t c)
{
    struct file *file = lookup(descriptor);
    if (!file)
        return -EBADF;
    current->descriptors[descriptor] = 0;
    file_close(file);
    return 0;
}

int sys_unlink(struct trap_frame *frame, uint32_t path_address, uint32_t b, uint32_t c)
{
    char path[PATH_LENGTH];
    int length = copy_string_from_user(path, path_address, sizeof path);
    return length < 0 ? length : inode_unlink(path);
}

int sys_mkdir(struct trap_frame *frame, uint32_t path_address, uint32_t b, uint32_t c)
{
    char path[PATH_LENGTH];
    int length = copy_string_from_user(path, path_address, sizeof path);
    return length < 0 ? length : inode_create(path, TYPE_DIRECTORY);
}

int sys_lseek(struct trap_frame *frame, uint32_t descriptor, uint32_t offset, uint32_t whence)
{
    struct file *file = lookup(descriptor);
    return file ? file_seek(file, offset, whence) : -EBADF;
}

int sys_fstat(struct trap_frame *frame, uint32_t descriptor, uint32_t address, uint32_t c)
{
    struct file *file = lookup(descriptor);
    if (!file)
        return -EBADF;
    struct file_status status = { file->type, file->inode ? file->inode->operations->size(file->inode) : 0 };
    return copy_to_user(address, &status, sizeof status) ? 0 : -EFAULT;
}

int sys_pipe(struct trap_frame *frame, uint32_t address, uint32_t b, uint32_t c)
{
    struct file *ends[2];
    if (!file_open_pipe(ends))
        return -ENFILE;
    int descriptors[2] = { install(ends[0]), -1 };
    if (descriptors[0] >= 0)
        descriptors[1] = install(ends[1]);
    if (descriptors[1] >= 0 && copy_to_user(address, descriptors, sizeof descriptors))
        return 0;
    for (int i = 0; i < 2; i++) {
        if (descriptors[i] >= 0)
            current->descriptors[descriptors[i]] = 0;
        file_close(ends[i]);
    }
    return descriptors[1] < 0 ? -EMFILE : -EFAULT;
}

int sys_dup(struct trap_frame *frame, uint32_t descriptor, uint32_t b, uint32_t c)
{
    struct file *file = lookup(descriptor);
    int copy = file ? install(file) : -EBADF;
    if (copy >= 0)
        file_share(file);
    return copy;
}

int sys_dup2(struct trap_frame *frame, uint32_t descriptor, uint32_t target, uint32_t c)
{
    struct file *file = lookup(descriptor);
    if (!file || target >= DESCRIPTOR_COUNT)
        return -EBADF;
    if (target == descriptor)
        return target;
    struct file *old = current->descriptors[target];
    file_share(file);
    current->descriptors[target] = file;
    if (old)
        file_close(old);
    return target;
}
