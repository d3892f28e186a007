#include "core/base/format.h"

#include <stdio.h>

const char *nh_format_bytes(uint64_t bytes, char out[NH_FORMAT_BYTES_MAX])
{
    static const char units[] = "BKMGTPE";
    size_t unit = 0;
    uint64_t whole = bytes, rest = 0; // rest: 1024ths of the unit
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    unsigned w = (unsigned)whole, tenth = (unsigned)(rest * 10 / 1024);
    if (unit == 0)
        snprintf(out, NH_FORMAT_BYTES_MAX, "%u B", w);
    else if (tenth)
        snprintf(out, NH_FORMAT_BYTES_MAX, "%u.%u %ciB", w, tenth, units[unit]);
    else
        snprintf(out, NH_FORMAT_BYTES_MAX, "%u %ciB", w, units[unit]);
    return out;
}

const char *nh_format_hex(const void *bytes, size_t len, char *out, size_t cap)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    size_t fit = (cap - 1) / 2;
    if (len > fit)
        len = fit;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

#define MS_PER_DAY INT64_C(86400000)
#define DAYS_BEFORE_1970 719528 // from 0000-01-01
#define UNIX_MS_MIN (-DAYS_BEFORE_1970 * MS_PER_DAY)
#define UNIX_MS_MAX (INT64_C(2932897) * MS_PER_DAY - 1) // the last of 9999-12-31

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Days from 0000-01-01 to January 1 of `year`: 365 each, and the leap days of the years before.
static unsigned days_before_year(unsigned year)
{
    if (year == 0)
        return 0;
    unsigned last = year - 1;
    return year * 365 + last / 4 - last / 100 + last / 400 + 1; // + 1: the year 0 was a leap year
}

// `day` counts from 0000-01-01; gives the date it falls on.
static void date_of_day(unsigned day, unsigned *year, unsigned *month, unsigned *mday)
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned y = day / 366; // at most a few years early in 10000 years: the loop steps them
    while (days_before_year(y + 1) <= day)
        y++;
    unsigned rest = day - days_before_year(y), m = 0;
    for (;; m++) {
        unsigned days = month_days[m] + (m == 1 && is_leap(y));
        if (rest < days)
            break;
        rest -= days;
    }
    *year = y;
    *month = m + 1;
    *mday = rest + 1;
}

const char *nh_format_time(int64_t unix_ms, char out[NH_FORMAT_TIME_MAX])
{
    if (unix_ms < UNIX_MS_MIN)
        unix_ms = UNIX_MS_MIN;
    if (unix_ms > UNIX_MS_MAX)
        unix_ms = UNIX_MS_MAX;
    uint64_t ms = (uint64_t)(unix_ms - UNIX_MS_MIN);
    unsigned year, month, mday, in_day = (unsigned)(ms % MS_PER_DAY);
    date_of_day((unsigned)(ms / MS_PER_DAY), &year, &month, &mday);
    snprintf(out, NH_FORMAT_TIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000,
             month % 100, mday % 100, in_day / 3600000 % 24, in_day / 60000 % 60,
             in_day / 1000 % 60, in_day % 1000);
    return out;
}
