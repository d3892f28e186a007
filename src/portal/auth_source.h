// auth_source.h - where somebody comes from, for the counting of wrong passwords.

#ifndef NH_PORTAL_AUTH_SOURCE_H
#define NH_PORTAL_AUTH_SOURCE_H

#include "core/base/base.h"

#define NH_AUTH_SOURCE_MAX_BYTES 64

// Of "10.0.0.1:5000" the address; of "[2001:db8::1]:5000" its network of 64 bits, "2001:db8:0:0",
// since one line at home has all of its addresses. Gives the length without the NUL.
size_t nh_auth_source(const char *peer, char out[NH_AUTH_SOURCE_MAX_BYTES]);
// Whether a peer is on this machine: 127.0.0.0/8 or ::1.
bool nh_auth_source_is_local(const char *peer);

#endif
