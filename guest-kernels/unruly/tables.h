#pragma once

void tables_init(void); // GDT, IDT with the shared trap stubs, TSS; interrupts stay off
