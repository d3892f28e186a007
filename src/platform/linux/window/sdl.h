// sdl.h - the few calls of SDL 2 that the window needs, found at run time. Their types are those of
// its stable binary interface (2.0 and later), so that building needs none of its headers.

#ifndef NH_LINUX_SDL_H
#define NH_LINUX_SDL_H

#include <stddef.h>
#include <stdint.h>

#define NH_SDL_INIT_VIDEO 0x20u
#define NH_SDL_WINDOW_SHOWN 0x4u
#define NH_SDL_WINDOW_RESIZABLE 0x20u
#define NH_SDL_POS_UNDEFINED 0x1FFF0000
#define NH_SDL_RGB565 0x15151002u
#define NH_SDL_STREAMING 1
#define NH_SDL_QUIT 0x100u
#define NH_SDL_WINDOW_EVENT 0x200u
#define NH_SDL_MOUSE_MOTION 0x400u
#define NH_SDL_MOUSE_DOWN 0x401u
#define NH_SDL_MOUSE_UP 0x402u
#define NH_SDL_USER 0x8000u

// 56 bytes; a motion and a button have the place at the same offset.
union nh_sdl_event {
    uint32_t type;
    struct {
        uint32_t type, time_ms, window, mouse;
        uint32_t buttons; // of a motion: which are down; of a button: its number in the first byte
        int32_t x, y;
    } mouse;
    uint8_t room[64];
};
struct nh_sdl_rect {
    int x, y, w, h;
};

struct nh_sdl {
    void *library;
    int (*init)(uint32_t flags);
    void (*quit)(void);
    int (*set_hint)(const char *name, const char *value);
    const char *(*error)(void);
    void *(*create_window)(const char *title, int x, int y, int w, int h, uint32_t flags);
    void (*destroy_window)(void *window);
    void *(*create_renderer)(void *window, int index, uint32_t flags);
    void (*destroy_renderer)(void *renderer);
    int (*set_logical_size)(void *renderer, int w, int h);
    void *(*create_texture)(void *renderer, uint32_t format, int access, int w, int h);
    void (*destroy_texture)(void *texture);
    int (*update_texture)(void *texture, const struct nh_sdl_rect *at, const void *pixels,
                          int pitch);
    int (*set_color_mod)(void *texture, uint8_t r, uint8_t g, uint8_t b);
    int (*clear)(void *renderer);
    int (*copy)(void *renderer, void *texture, const struct nh_sdl_rect *from,
                const struct nh_sdl_rect *to);
    void (*present)(void *renderer);
    int (*wait_event)(union nh_sdl_event *event);
    int (*push_event)(union nh_sdl_event *event);
};

// NH_ERR_UNSUPPORTED: there is none, or one without a call of these.
int nh_linux__sdl_find(struct nh_sdl *out, char *why, size_t cap);

#endif
