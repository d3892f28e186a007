// rect.h - rectangles of pixels: whole numbers, the left and upper edge included, the others not.

#ifndef NH_BASE_RECT_H
#define NH_BASE_RECT_H

#include <stdbool.h>
#include <stdint.h>

struct nh_rect {
    int16_t x, y, w, h; // w or h <= 0: empty
};

static inline bool nh_rect_is_empty(struct nh_rect r)
{
    return r.w <= 0 || r.h <= 0;
}

static inline struct nh_rect nh_rect_of(int left, int top, int right, int bottom)
{
    return (struct nh_rect){(int16_t)left, (int16_t)top, (int16_t)(right - left),
                            (int16_t)(bottom - top)};
}

// What both have; empty where they do not meet.
static inline struct nh_rect nh_rect_meet(struct nh_rect a, struct nh_rect b)
{
    int left = a.x > b.x ? a.x : b.x, top = a.y > b.y ? a.y : b.y;
    int right = a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w;
    int bottom = a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h;
    return left < right && top < bottom ? nh_rect_of(left, top, right, bottom)
                                        : (struct nh_rect){(int16_t)left, (int16_t)top, 0, 0};
}

// The smallest that holds both; an empty one adds nothing.
static inline struct nh_rect nh_rect_join(struct nh_rect a, struct nh_rect b)
{
    if (nh_rect_is_empty(a) || nh_rect_is_empty(b))
        return nh_rect_is_empty(a) ? b : a;
    int right = a.x + a.w > b.x + b.w ? a.x + a.w : b.x + b.w;
    int bottom = a.y + a.h > b.y + b.h ? a.y + a.h : b.y + b.h;
    return nh_rect_of(a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y, right, bottom);
}

static inline bool nh_rect_has(struct nh_rect r, int x, int y)
{
    return x >= r.x && y >= r.y && x < r.x + r.w && y < r.y + r.h;
}

static inline int32_t nh_rect_area(struct nh_rect r)
{
    return nh_rect_is_empty(r) ? 0 : (int32_t)r.w * r.h;
}

#endif
