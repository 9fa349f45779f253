/* Lists a directory: names with sizes. */
#include "user.h"

static void show(const char *directory, const char *name)
{
    char path[PATH_LENGTH];
    struct file_status status = { 0, 0 };
    if (strlen(directory) + strlen(name) + 2 > sizeof path)
        return;
    strcpy(path, directory);
    strcpy(path + strlen(path), "/");
    strcpy(path + strlen(path), name);
    int descriptor = open(path, O_READ);
    fstat(descriptor, &status);
    close(descriptor);
    if (status.type == TYPE_DIRECTORY)
        print("%s/\n", name);
    else
        print("%s %u\n", name, status.size);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "/";
    struct directory_entry entry;
    struct file_status status;
    int descriptor = open(path, O_READ);
    if (descriptor < 0 || fstat(descriptor, &status) < 0 || status.type != TYPE_DIRECTORY) {
        print_to(2, "ls: %s is no directory\n", path);
        return 1;
    }
    while (read(descriptor, &entry, sizeof entry) == sizeof entry)
        if (entry.inode)
            show(path, entry.name);
    return 0;
}
