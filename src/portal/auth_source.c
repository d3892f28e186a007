#include "portal/auth_source.h"

#include <stdio.h>
#include <string.h>

#define GROUPS 8

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The groups of an IPv6 address, its '::' filled with zeros. false: it is none.
static bool parse_groups(const char *text, uint16_t out[GROUPS])
{
    size_t count = 0, gap = GROUPS + 1;
    memset(out, 0, GROUPS * sizeof *out);
    for (const char *p = text; *p;) {
        if (p[0] == ':' && p[1] == ':') {
            gap = count;
            p += 2;
            continue;
        }
        p += *p == ':';
        uint32_t v = 0;
        const char *begin = p;
        for (int d; (d = hex_digit(*p)) >= 0; p++)
            v = v * 16 + (uint32_t)d;
        if (p == begin || p - begin > 4 || count == GROUPS)
            return false;
        out[count++] = (uint16_t)v;
    }
    if (gap > count)
        return gap == count || count == GROUPS;
    size_t behind = count - gap;
    memmove(out + GROUPS - behind, out + gap, behind * sizeof *out);
    memset(out + gap, 0, (GROUPS - count) * sizeof *out);
    return true;
}

// The address alone, without brackets, port and zone.
static void host_of(const char *peer, char out[NH_AUTH_SOURCE_MAX_BYTES])
{
    const char *port = strrchr(peer, ':');
    size_t len = port ? (size_t)(port - peer) : strlen(peer);
    if (*peer == '[') {
        peer++;
        len = strcspn(peer, "]%");
    }
    snprintf(out, NH_AUTH_SOURCE_MAX_BYTES, "%.*s", (int)len, peer);
    const char *mapped = "::ffff:"; // IPv4 in the clothes of IPv6
    if (strncmp(out, mapped, 7) == 0 && strchr(out, '.'))
        memmove(out, out + 7, strlen(out + 7) + 1);
}

size_t nh_auth_source(const char *peer, char out[NH_AUTH_SOURCE_MAX_BYTES])
{
    char host[NH_AUTH_SOURCE_MAX_BYTES];
    uint16_t g[GROUPS];
    host_of(peer, host);
    int len = strchr(host, ':') && parse_groups(host, g)
                  ? snprintf(out, NH_AUTH_SOURCE_MAX_BYTES, "%x:%x:%x:%x", g[0], g[1], g[2], g[3])
                  : snprintf(out, NH_AUTH_SOURCE_MAX_BYTES, "%s", host);
    return (size_t)len;
}

bool nh_auth_source_is_local(const char *peer)
{
    char host[NH_AUTH_SOURCE_MAX_BYTES];
    host_of(peer, host);
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}
