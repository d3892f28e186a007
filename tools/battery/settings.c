#include "settings.h"

static const struct setting {
    uint16_t address;
    int32_t min, max, fallback; // below zero: of a signed one
} settings[] = {
    {300, 1200, 4500, 3650}, {301, 1000, 3500, 3250},
    {303, 1000, 4500, 3400}, {304, 100, 5000, 1000},
    {305, 1, 1500, 70},      {306, 10, 65500, 31400},
    {307, 4, 16, 16},        {308, 15, 100, 15},
    {310, 5, 60, 20},        {311, 0, 60, 5},
    {312, 0, 65535, 1},      {313, 0, 1, 0}, // the high word of pulses per unit: at most 100,000
    {314, 1, 5, 2},          {315, 1200, 4500, 3800},
    {316, 800, 3500, 2800},  {317, 1, 750, 65},
    {318, 1, 750, 90},       {319, 20, 90, 60},
    {320, -40, 10, 0},       {321, 60, 95, 80},
    {322, 10, 65000, 5000},  {323, 0, 50000, 50000},
    {328, 0, 50000, 25000},  {329, 0, 7, 0},
    {330, 0, 0x1E02, 1},     {331, 0, 8, 0},
    {332, 0, 30, 5},         {333, 1, 9, 1},
    {334, 0, 6, 0},          {335, 1, 7, 1},
    {336, 0, 2, 0},          {337, 0, 0x10, 0},
    {338, 0, 7, 7},          {339, 0, 1, 0},
    {340, 0, 1, 0},          {341, 0, 8, 0},
    {342, 0, 7, 0},          {343, 0, 2, 1},
};

static const struct setting *find(uint16_t address)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(settings); i++)
        if (settings[i].address == address)
            return &settings[i];
    return NULL;
}

uint16_t nh_sim_setting_limit(uint16_t address, enum nh_sim_limit which)
{
    const struct setting *s = find(address);
    if (!s)
        return 0;
    return (uint16_t)(which == NH_SIM_MINIMUM   ? s->min
                      : which == NH_SIM_MAXIMUM ? s->max
                                                : s->fallback);
}

bool nh_sim_setting_is_reserved(uint16_t address)
{
    return !find(address);
}

bool nh_sim_setting_takes(uint16_t address, uint16_t value)
{
    const struct setting *s = find(address);
    if (!s)
        return true;
    if (address == 330) // two in one word
        return (value & 0xFF) <= 2 && value >> 8 <= 30;
    if (address == 337 && (value == 1 || (value > 9 && value < 0x10)))
        return false; // numbers that the list leaves out
    int32_t number = s->min < 0 ? (int16_t)value : value;
    return number >= s->min && number <= s->max;
}
