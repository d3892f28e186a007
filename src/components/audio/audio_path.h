// audio_path.h - paths of the API to paths on the card. Sans-IO.

#ifndef NH_AUDIO_PATH_H
#define NH_AUDIO_PATH_H

#include "components/audio/audio.h"

#define NH_AUDIO__CARD "/sdcard"
#define NH_AUDIO__ON_CARD_MAX_BYTES (NH_AUDIO_PATH_MAX_BYTES - sizeof NH_AUDIO__CARD)

// Writes the part of `path` below "/sdcard" to `out`, relative and in its shortest form: "" is the
// card itself. NH_ERR_INVAL: not below "/sdcard" (as whole parts: "/sdcardX" is not), a "..", a
// backslash or a control character in it. NH_ERR_TOO_LONG: over NH_AUDIO_PATH_MAX_BYTES.
NH_MUST_USE int nh_audio__path(const char *path, char out[NH_AUDIO__ON_CARD_MAX_BYTES]);

// The other way round: "/sdcard/..." for a path on the card.
void nh_audio__path_shown(const char *on_card, char out[NH_AUDIO_PATH_MAX_BYTES]);

// Whether a name ends as those of files that may be played do.
bool nh_audio__is_track(const char *name);

// Whether a file or folder is not for people to see.
bool nh_audio__is_hidden(const char *name);

#endif
