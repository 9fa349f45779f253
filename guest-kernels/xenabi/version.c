// The hypercall page, numbers that do not exist, and xen_version.
#include "check.h"
#include "groups.h"
#include "xen.h"

enum { VERSION = 0, EXTRA_VERSION = 1, CAPABILITIES = 3, FEATURES = 6, PAGE_SIZE_OF_HOST = 7, GUEST_HANDLE = 8 };

void check_version(void)
{
    uint32_t version = (uint32_t)hypercall(CALL_VERSION, VERSION, 0, 0, 0);
    check("version-major", version >> 16, 4);
    check("version-leaf-agrees", version, vmcall(CALL_VERSION, VERSION, 0));
    check("version-page-size", hypercall(CALL_VERSION, PAGE_SIZE_OF_HOST, 0, 0, 0), 4096);
    struct { uint32_t submap, features; } query = { 0, 0 };
    check("version-features", hypercall(CALL_VERSION, FEATURES, at(&query), 0, 0), 0);
    check("version-callback-vector", query.features >> 8 & 1, 1);
    query.submap = 1;
    check("version-no-second-submap", hypercall(CALL_VERSION, FEATURES, at(&query), 0, 0), INVALID);
    char text[1024] = { 0 };
    check("version-capabilities", hypercall(CALL_VERSION, CAPABILITIES, at(text), 0, 0), 0);
    check_true("version-is-hvm", text[0] == 'h' && text[1] == 'v' && text[2] == 'm');
    check("version-handle", hypercall(CALL_VERSION, GUEST_HANDLE, at(text), 0, 0), 0);
    check("version-into-nowhere", hypercall(CALL_VERSION, EXTRA_VERSION, NOWHERE, 0, 0), FAULT);
    check("version-features-from-nowhere", hypercall(CALL_VERSION, FEATURES, NOWHERE, 0, 0), FAULT);
    check("version-unknown", hypercall(CALL_VERSION, 99, at(text), 0, 0), NO_SYSTEM_CALL);

    check("number-0", hypercall(0, 0, 0, 0, 0), NO_SYSTEM_CALL);
    check("number-physdev", hypercall(33, 0, 0, 0, 0), NO_SYSTEM_CALL);
    check("number-domctl", hypercall(36, 0, 0, 0, 0), NO_SYSTEM_CALL);
    check("number-127", hypercall(127, 0, 0, 0, 0), NO_SYSTEM_CALL);
    check("number-128", vmcall(128, 0, 0), NO_SYSTEM_CALL);
    check("number-largest", vmcall(0xFFFFFFFF, 0, 0), NO_SYSTEM_CALL);
}
