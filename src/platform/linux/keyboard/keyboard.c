// A keyboard of this computer by the kernel's uinput. Programs see it as any other.

#include "core/mem/mem.h"
#include "platform/linux/keyboard/keyboard_events.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define VENDOR 0xE502u // as the firmware's Bluetooth keyboard gives it
#define PRODUCT 0xA111u

struct nh_keyboard {
    nh_mem_t *mem;
    int fd;
    struct nh_keyboard__state state;
};

static int err_of(int error)
{
    return error == ENOTTY || error == EINVAL ? NH_ERR_UNSUPPORTED : nh_linux__err(error);
}

static int set_up(int fd, const char *name)
{
    struct uinput_setup setup = {
        .id = {.bustype = BUS_VIRTUAL, .vendor = VENDOR, .product = PRODUCT, .version = 0x0210}};
    snprintf(setup.name, sizeof setup.name, "%s", name);
    if (ioctl(fd, UI_SET_EVBIT, EV_KEY) != 0)
        return err_of(errno);
    for (size_t i = 0; nh_keyboard__code_at(i); i++)
        if (ioctl(fd, UI_SET_KEYBIT, nh_keyboard__code_at(i)) != 0)
            return err_of(errno);
    if (ioctl(fd, UI_DEV_SETUP, &setup) != 0 || ioctl(fd, UI_DEV_CREATE) != 0)
        return err_of(errno);
    return 0;
}

int nh_keyboard_open(struct nh_mem *mem, const struct nh_keyboard_config *cfg, nh_keyboard_t **out)
{
    const char *path = cfg->path && cfg->path[0] ? cfg->path : "/dev/uinput";
    *out = NULL;
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_of(errno);
    int err = set_up(fd, cfg->name ? cfg->name : "nuthatch");
    nh_keyboard_t *k = err == 0 ? nh_mem_alloc_zero(mem, sizeof *k, NH_MEM_BULK) : NULL;
    if (!k) {
        close(fd);
        return err < 0 ? err : NH_ERR_NOMEM;
    }
    k->mem = mem;
    k->fd = fd;
    *out = k;
    return 0;
}

static int write_events(int fd, const struct input_event *events, size_t count)
{
    size_t bytes = count * sizeof *events;
    ssize_t n = write(fd, events, bytes);
    if (n == (ssize_t)bytes)
        return 0;
    return n < 0 ? nh_linux__err(errno) : NH_ERR_IO;
}

// An end of its own after each event, so that nobody sees a key before its modifier. What the
// kernel did not take is not remembered as sent: the next report lets go of a key that is still
// down there.
int nh_keyboard_report(nh_keyboard_t *k, const uint8_t *report, size_t len)
{
    struct nh_keyboard__event events[NH_KEYBOARD__EVENT_MAX];
    struct input_event out[2 * NH_KEYBOARD__EVENT_MAX];
    struct nh_keyboard__state after = k->state;
    int count = nh_keyboard__events(&after, report, len, events);
    if (count < 0)
        return count;
    memset(out, 0, sizeof out);
    for (int i = 0; i < count; i++) {
        out[2 * i].type = EV_KEY;
        out[2 * i].code = events[i].code;
        out[2 * i].value = events[i].is_down;
        out[2 * i + 1].type = EV_SYN;
        out[2 * i + 1].code = SYN_REPORT;
    }
    int err = count > 0 ? write_events(k->fd, out, 2 * (size_t)count) : 0;
    if (err == 0)
        k->state = after;
    return err;
}

void nh_keyboard_close(nh_keyboard_t *k)
{
    if (!k)
        return;
    ioctl(k->fd, UI_DEV_DESTROY); // the kernel lets go of what is down
    close(k->fd);
    nh_mem_free(k->mem, k);
}
