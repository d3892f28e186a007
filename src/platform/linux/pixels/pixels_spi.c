// The data line of an SPI port by the kernel's spidev: one write a frame, at the port's own pace.

#include "core/base/log.h"
#include "core/mem/mem.h"
#include "platform/linux/pixels/ws2812.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/spi/spidev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_CAP 108
#define LIMIT_FILE "/sys/module/spidev/parameters/bufsiz"

struct spi {
    nh_mem_t *mem;
    nh_gpio_out_t *power;
    int fd;
    bool is_device, is_file; // neither: a pipe
    enum nh_pixels_chip chip;
    enum nh_pixels_order order;
    uint32_t count; // pixels, while open
    uint8_t *frame; // NULL: not open
    char name[PATH_CAP + 4];
};

// ---- the device --------------------------------------------------------------------------------

static int device_set_up(int fd)
{
    const uint8_t mode = SPI_MODE_0, bits = 8;
    const uint32_t speed_hz = NH_WS2812_SPEED_HZ;
    if (ioctl(fd, SPI_IOC_WR_MODE, &mode) != 0 || ioctl(fd, SPI_IOC_WR_BITS_PER_WORD, &bits) != 0 ||
        ioctl(fd, SPI_IOC_WR_MAX_SPEED_HZ, &speed_hz) != 0)
        return errno == ENOTTY || errno == EINVAL ? NH_ERR_UNSUPPORTED : nh_linux__err(errno);
    return NH_OK;
}

// Whoever reads the pipe may be gone or slow: the render loop must not hang on it for ever.
static int device_open(struct spi *s, const char *path)
{
    struct stat st;
    s->fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (s->fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
        return NH_ERR_DENIED;
    if (s->fd < 0)
        return nh_linux__err(errno);
    if (fstat(s->fd, &st) != 0)
        return nh_linux__err(errno);
    s->is_device = S_ISCHR(st.st_mode);
    s->is_file = S_ISREG(st.st_mode);
    if (s->is_device)
        return device_set_up(s->fd);
    if (!s->is_file && !S_ISFIFO(st.st_mode))
        return NH_ERR_UNSUPPORTED;
    return fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0 ? NH_OK : nh_linux__err(errno);
}

// A driver takes one frame by one write, or the chain would see the end of it in between.
static size_t limit_bytes(void)
{
    char text[24];
    int fd = open(LIMIT_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return SIZE_MAX; // nothing said: the write will tell
    text[n] = '\0';
    return strtoul(text, NULL, 10);
}

// A file holds the newest frame alone: it does not grow.
static int send(struct spi *s, const uint8_t *bytes, size_t len)
{
    ssize_t n = s->is_file ? pwrite(s->fd, bytes, len, 0) : write(s->fd, bytes, len);
    if (n == (ssize_t)len)
        return NH_OK;
    return n < 0 ? nh_linux__err(errno) : NH_ERR_IO;
}

// ---- the table ---------------------------------------------------------------------------------

// The controller leaves the line as the last bit was; so zeros are what holds it low.
static int spi_data_low(void *ctx)
{
    static const uint8_t zeros[NH_WS2812_HEAD_BYTES];
    return send(ctx, zeros, sizeof zeros);
}

static int spi_power(void *ctx, bool on)
{
    struct spi *s = ctx;
    return nh_gpio_out_set(s->power, on);
}

static int spi_open(void *ctx, uint32_t count)
{
    struct spi *s = ctx;
    size_t bytes = nh_ws2812_frame_bytes(s->chip, count),
           limit = s->is_device ? limit_bytes() : SIZE_MAX;
    if (bytes > limit) {
        NH_LOG_W("pixels",
                 "%s: a frame of %zu bytes is over spidev.bufsiz=%zu; set it to %zu in "
                 "the kernel's command line",
                 s->name, bytes, limit, (bytes + 4095) / 4096 * 4096);
        return NH_ERR_TOO_LONG;
    }
    s->frame = nh_mem_alloc(s->mem, bytes, NH_MEM_BULK);
    if (!s->frame)
        return NH_ERR_NOMEM;
    s->count = count;
    return NH_OK;
}

static int spi_show(void *ctx, const uint8_t *rgb, uint32_t count)
{
    struct spi *s = ctx;
    if (!s->frame || count > s->count)
        return NH_ERR_INVAL;
    nh_ws2812_encode(s->chip, s->order, rgb, count, s->frame);
    return send(s, s->frame, nh_ws2812_frame_bytes(s->chip, count));
}

static void spi_close(void *ctx)
{
    struct spi *s = ctx;
    nh_mem_free(s->mem, s->frame);
    s->frame = NULL;
    s->count = 0;
}

static void spi_destroy(void *ctx)
{
    struct spi *s = ctx;
    spi_close(s);
    nh_gpio_out_close(s->power);
    close(s->fd);
    nh_mem_free(s->mem, s);
}

int nh_pixels_spi(const struct nh_pixels_spi_config *cfg, struct nh_pixels *out)
{
    *out = (struct nh_pixels){0};
    if (strlen(cfg->path) >= PATH_CAP)
        return NH_ERR_TOO_LONG;
    struct spi *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->mem = cfg->mem;
    s->chip = cfg->chip;
    s->order = cfg->order;
    snprintf(s->name, sizeof s->name, "spi %s", cfg->path);
    int err = device_open(s, cfg->path);
    if (err < 0) {
        if (s->fd >= 0)
            close(s->fd);
        nh_mem_free(cfg->mem, s);
        return err;
    }
    s->power = cfg->power;
    *out = (struct nh_pixels){.ctx = s,
                              .name = s->name,
                              .data_low = spi_data_low,
                              .power = s->power ? spi_power : NULL,
                              .open = spi_open,
                              .show = spi_show,
                              .close = spi_close,
                              .destroy = spi_destroy};
    return NH_OK;
}
