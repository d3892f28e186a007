// lamp_live.h - live data for the lamp over UDP: the receiver of frames (lamp_receiver.h), the
// sender of frames to other controllers (lamp_send.h), and the state shared with WLED devices
// (lamp_sync.h). All of it sans-IO: sockets and clock are the hub's. README.md: what it does, its
// memory, its limits.

#ifndef NH_LAMP_LIVE_H
#define NH_LAMP_LIVE_H

#include "components/lamp_live/lamp_e131.h"
#include "components/lamp_live/lamp_receiver.h"
#include "components/lamp_live/lamp_send.h"
#include "components/lamp_live/lamp_sync.h"

#endif
