// More than anybody can want to serve, for ever: what a hostile front end does to its neighbours.
#pragma once

void flood_events(void);
void flood_store(void);
void flood_console(void);
void flood_disk(void);
