// cmd_battery_registers.c - nuthatch battery registers: the table for people.

#include "cmd_battery.h"

#include "components/battery/battery.h"

#include <stdio.h>
#include <string.h>

static const char *type_text(const struct nh_tinybms_register *r)
{
    static const char *const texts[] = {"u16",    "i16",    "u32",     "float",  "bits",
                                        "choice", "u8 low", "u8 high", "i8 low", "i8 high"};
    return texts[r->type];
}

static void put_address(const struct nh_tinybms_register *r, char *out, size_t cap)
{
    if (nh_tinybms_register_words(r) == 2)
        snprintf(out, cap, "%u-%u", r->address, r->address + 1u);
    else if (r->bit_count == 1)
        snprintf(out, cap, "%u bit %u", r->address, r->bit_first);
    else if (r->bit_count)
        snprintf(out, cap, "%u bits %u-%u", r->address, r->bit_first,
                 r->bit_first + r->bit_count - 1u);
    else
        snprintf(out, cap, "%u", r->address);
}

static void put_range(const struct nh_tinybms_register *r, char *out, size_t cap)
{
    int decimals = r->divisor > 1 ? r->decimals : 0;
    out[0] = '\0';
    if (r->flags & NH_TINYBMS_WRITABLE && !r->choices)
        snprintf(out, cap, "%.*f to %.*f%s", decimals, (double)r->min / r->divisor, decimals,
                 (double)r->max / r->divisor, r->flags & NH_TINYBMS_SENSOR_RANGE ? " *" : "");
    size_t len = 0;
    for (const struct nh_tinybms_choice *c = r->choices; c && c->text && len + 1 < cap; c++) {
        int n =
            snprintf(out + len, cap - len, "%s%d = %s", len ? ", " : "", (int)c->value, c->text);
        len += n > 0 ? (size_t)n : 0;
    }
}

static void put_default(const struct nh_tinybms_register *r, char *out, size_t cap)
{
    out[0] = '\0';
    if (r->fallback != INT32_MIN)
        snprintf(out, cap, "%.*f", r->divisor > 1 ? r->decimals : 0,
                 (double)r->fallback / r->divisor);
}

static void put_step(const struct nh_tinybms_register *r, char *out, size_t cap)
{
    if (r->divisor > 1)
        snprintf(out, cap, "%.10g %s", 1.0 / r->divisor, r->unit);
    else
        snprintf(out, cap, "%s%s", r->unit[0] ? "1 " : "", r->unit);
}

static void print_markdown(const struct nh_tinybms_register *r)
{
    char address[24], range[240], fallback[16], step[24];
    put_address(r, address, sizeof address);
    put_range(r, range, sizeof range);
    put_default(r, fallback, sizeof fallback);
    put_step(r, step, sizeof step);
    printf("| %s | `%s` | %s | %s | %s |", address, r->key, r->label, type_text(r), step);
    if (r->flags & NH_TINYBMS_WRITABLE)
        printf(" %s | %s | %s | %s |", range, fallback,
               r->flags & NH_TINYBMS_DANGEROUS ? "token" : "", r->comment ? r->comment : "");
    else
        printf(" %s |", range);
    printf("\n");
}

static void print_heading(const struct nh_tinybms_register *r)
{
    static const struct {
        uint16_t first;
        const char *title;
    } parts[] = {{0, "Live values"}, {100, "Statistics"}, {300, "Settings"}, {500, "Version"}};
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++) {
        if (parts[i].first != r->address || r->type == NH_TINYBMS_U8_HIGH)
            continue;
        printf("\n## %s\n\n| register | key | | type | step |", parts[i].title);
        printf(r->flags & NH_TINYBMS_WRITABLE ? " range, choices | default | | |\n"
                                                "|---|---|---|---|---|---|---|---|---|\n"
                                              : " values |\n|---|---|---|---|---|---|\n");
    }
}

static void print_line(const struct nh_tinybms_register *r)
{
    char address[24], range[240];
    int pad = 5; // of the unit, whose degrees have two bytes
    put_address(r, address, sizeof address);
    put_range(r, range, sizeof range);
    for (const char *c = r->unit; *c; c++)
        pad += (*c & 0xC0) == 0x80;
    printf("%-13s %-30s %-8s %-*s %s%s%s\n", address, r->key, type_text(r), pad, r->unit,
           r->flags & NH_TINYBMS_WRITABLE ? "rw " : "r  ", range,
           r->flags & NH_TINYBMS_DANGEROUS ? " (dangerous)" : "");
}

int battery_registers(const struct battery_options *o)
{
    if (o->arg_count) {
        fprintf(stderr, "nuthatch battery registers: takes no name; see --help\n");
        return 2;
    }
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (o->as_markdown) {
            print_heading(r);
            print_markdown(r);
        } else {
            print_line(r);
        }
    }
    if (!o->as_markdown)
        printf("\n* the board narrows it to its current sensor\n");
    return 0;
}
