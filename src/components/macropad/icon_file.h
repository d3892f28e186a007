// icon_file.h - the form of an icon's file and upload ("ICN1"), judged while its bytes come.
//
//   0   "ICN1"
//   4   width, height: two bytes each, low byte first, 1 to 256
//   8   form: 1 (RGB565 low byte first, then alpha: 3 bytes a pixel), then three of 0
//   12  length of the pixels, four bytes
//   16  pixels, row by row

#ifndef NH_ICON_FILE_H
#define NH_ICON_FILE_H

#include "core/base/base.h"

#define NH_ICON_HEAD_BYTES 16u
#define NH_ICON_SIDE_MAX 256u
#define NH_ICON_COLOR 1u // the form of what may be installed
#define NH_ICON_MASK 2u  // a byte a pixel: how the built-in ones are given out; not installed
#define NH_ICON_FILE_MAX_BYTES 262144u

enum nh_icon_fault {
    NH_ICON_OK,
    NH_ICON_INVALID_BLOB, // shorter than its head
    NH_ICON_BAD_MAGIC,
    NH_ICON_UNSUPPORTED_FORMAT,
    NH_ICON_INVALID_DIMENSIONS,
    NH_ICON_UNEXPECTED_SIZE, // the head's length is not that of its pixels
    NH_ICON_LENGTH_MISMATCH, // nor that of what came
    NH_ICON_FAULT_COUNT,
};
const char *nh_icon_fault_text(enum nh_icon_fault f); // as clients of the firmware know it

struct nh_icon_head {
    uint16_t width, height;
    uint32_t pixel_bytes;
};

// Reads the first bytes of a file. What is judged: all of the head.
enum nh_icon_fault nh_icon_head_read(const uint8_t head[NH_ICON_HEAD_BYTES],
                                     struct nh_icon_head *out);
void nh_icon_head_write(uint8_t head[NH_ICON_HEAD_BYTES], uint16_t width, uint16_t height,
                        uint8_t form, uint32_t pixel_bytes);

// The bytes of one file as they come. Embedded; `head` is good once `count` has passed it.
struct nh_icon_reading {
    uint8_t bytes[NH_ICON_HEAD_BYTES];
    uint32_t count; // of bytes that came
    enum nh_icon_fault fault;
    struct nh_icon_head head;
};
void nh_icon_reading_init(struct nh_icon_reading *r);
// The next bytes. The fault so far; it stays.
enum nh_icon_fault nh_icon_reading_take(struct nh_icon_reading *r, const uint8_t *bytes,
                                        size_t len);
enum nh_icon_fault nh_icon_reading_end(struct nh_icon_reading *r);

// Whether a file may have this id: 1 to 31 of a-z, 0-9 and '_'.
bool nh_icon_id_is_valid(const char *id);

#endif
