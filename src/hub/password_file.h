// password_file.h - changes one user's line in a password file, as mosquitto_passwd does.

#ifndef NH_HUB_PASSWORD_FILE_H
#define NH_HUB_PASSWORD_FILE_H

#include "core/base/base.h"

// Puts "NAME:TEXT" in the place of the user's line, or at the end; `text` NULL: takes the line out.
// A file that is not there is made, for its owner alone. Written beside it and put in its place
// whole. NH_ERR_NOT_FOUND: `text` is NULL and the user is not there. NH_ERR_TOO_LONG: a line of the
// file is over NH_LINE_MAX_BYTES. NH_ERR_DENIED, NH_ERR_NOSPC, NH_ERR_IO. The file is as before
// then.
NH_MUST_USE int nh_password_file_set(const char *path, const char *name, const char *text);

#endif
