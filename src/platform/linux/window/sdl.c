#include "platform/linux/window/sdl.h"

#include "core/base/base.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} calls[] = {
    {"SDL_Init", offsetof(struct nh_sdl, init)},
    {"SDL_Quit", offsetof(struct nh_sdl, quit)},
    {"SDL_SetHint", offsetof(struct nh_sdl, set_hint)},
    {"SDL_GetError", offsetof(struct nh_sdl, error)},
    {"SDL_CreateWindow", offsetof(struct nh_sdl, create_window)},
    {"SDL_DestroyWindow", offsetof(struct nh_sdl, destroy_window)},
    {"SDL_CreateRenderer", offsetof(struct nh_sdl, create_renderer)},
    {"SDL_DestroyRenderer", offsetof(struct nh_sdl, destroy_renderer)},
    {"SDL_RenderSetLogicalSize", offsetof(struct nh_sdl, set_logical_size)},
    {"SDL_CreateTexture", offsetof(struct nh_sdl, create_texture)},
    {"SDL_DestroyTexture", offsetof(struct nh_sdl, destroy_texture)},
    {"SDL_UpdateTexture", offsetof(struct nh_sdl, update_texture)},
    {"SDL_SetTextureColorMod", offsetof(struct nh_sdl, set_color_mod)},
    {"SDL_RenderClear", offsetof(struct nh_sdl, clear)},
    {"SDL_RenderCopy", offsetof(struct nh_sdl, copy)},
    {"SDL_RenderPresent", offsetof(struct nh_sdl, present)},
    {"SDL_WaitEvent", offsetof(struct nh_sdl, wait_event)},
    {"SDL_PushEvent", offsetof(struct nh_sdl, push_event)},
};

int nh_linux__sdl_find(struct nh_sdl *out, char *why, size_t cap)
{
    memset(out, 0, sizeof *out);
    // It stays for the life of the process: what it leaves behind belongs to its own drivers.
    out->library = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!out->library) {
        snprintf(why, cap, "there is no SDL 2 (Debian package libsdl2-2.0-0)");
        return NH_ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(calls); i++) {
        void *call = dlsym(out->library, calls[i].name);
        if (!call) {
            snprintf(why, cap, "SDL 2 has no %s", calls[i].name);
            dlclose(out->library);
            return NH_ERR_UNSUPPORTED;
        }
        memcpy((char *)out + calls[i].offset, &call, sizeof call);
    }
    return 0;
}
