// Options reach a kernel as words of the multiboot command line.
#include "multiboot.h"

static bool ends_word(char c)
{
    return c == ' ' || c == '\0';
}

bool command_line_has(const struct multiboot_info *info, const char *word)
{
    if (!(info->flags & MULTIBOOT_INFO_COMMAND_LINE))
        return false;
    const char *at = (const char *)info->command_line;
    while (*at) {
        const char *w = word;
        while (*w && *at == *w)
            at++, w++;
        if (!*w && ends_word(*at))
            return true;
        while (!ends_word(*at))
            at++;
        while (*at == ' ')
            at++;
    }
    return false;
}
