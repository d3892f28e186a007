#include "components/audio/audio_path.h"

#include <string.h>

static bool is_clean(const char *path)
{
    for (; *path; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f || *path == '\\')
            return false;
    return true;
}

int nh_audio__path(const char *path, char out[NH_AUDIO__ON_CARD_MAX_BYTES])
{
    const size_t card = sizeof NH_AUDIO__CARD - 1;
    out[0] = 0;
    if (strnlen(path, NH_AUDIO_PATH_MAX_BYTES) == NH_AUDIO_PATH_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (strncmp(path, NH_AUDIO__CARD, card) != 0 || (path[card] && path[card] != '/') ||
        !is_clean(path))
        return NH_ERR_INVAL;
    size_t len = 0;
    for (const char *p = path + card; *p;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            out[0] = 0;
            return NH_ERR_INVAL;
        }
        if (n > 0 && !(n == 1 && p[0] == '.')) {
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, p, n);
            len += n;
        }
        p += n;
    }
    out[len] = 0;
    return 0;
}

void nh_audio__path_shown(const char *on_card, char out[NH_AUDIO_PATH_MAX_BYTES])
{
    size_t len = strnlen(on_card, NH_AUDIO__ON_CARD_MAX_BYTES - 1);
    memcpy(out, NH_AUDIO__CARD "/", sizeof NH_AUDIO__CARD);
    memcpy(out + sizeof NH_AUDIO__CARD, on_card, len);
    out[sizeof NH_AUDIO__CARD + len] = 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);
    if (len <= n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(name[len - n + i]) != end[i])
            return false;
    return true;
}

bool nh_audio__is_track(const char *name)
{
    static const char *const ends[] = {".wav", ".mp3", ".ogg", ".oga", ".opus", ".flac"};
    for (size_t i = 0; i < NH_ARRAY_LEN(ends); i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

bool nh_audio__is_hidden(const char *name)
{
    return strcmp(name, "System Volume Information") == 0 || strcmp(name, "SYSTEM~1") == 0;
}
