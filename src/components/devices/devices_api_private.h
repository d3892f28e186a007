// devices_api_private.h - shared by devices_*api.c only.

#ifndef NH_DEVICES_API_PRIVATE_H
#define NH_DEVICES_API_PRIVATE_H

#include "components/devices/devices_state.h"

nh_devices_t *nh_devices_api__of(nh_request_t *req);
// Notes who asks: the name that is signed in, else the address without its port.
void nh_devices_api__note_who(nh_request_t *req);

// devices_apply_api.c: the pieces of a body, then its end.
int nh_devices_api__take_piece(nh_request_t *req, const uint8_t *bytes, size_t len);
int nh_devices_api__post_validate(nh_request_t *req);
int nh_devices_api__post_apply(nh_request_t *req);

#endif
