// fx_palette.h - the built-in palettes by name, for the rows of the registry.

#ifndef NH_LAMP_FX_PALETTE_H
#define NH_LAMP_FX_PALETTE_H

#include "components/lamp/fx/fx.h"

// The order of nh_fx_palettes; people's choices are kept by index: new ones go to the end.
enum nh_fx_palette_index {
    NH_FX_PALETTE_RAINBOW, // the hue circle of nh_fx_hsv(), exactly
    NH_FX_PALETTE_EMBER,
    NH_FX_PALETTE_OCEAN,
    NH_FX_PALETTE_FOREST,
    NH_FX_PALETTE_AURORA,
    NH_FX_PALETTE_SUNSET,
    NH_FX_PALETTE_ICE,
    NH_FX_PALETTE_FIRE, // heat
    NH_FX_PALETTE_WHITE,
    NH_FX_PALETTE_LAVA,
    NH_FX_PALETTE_PLASMA, // around
    NH_FX_PALETTE_PARTY,  // around
    NH_FX_PALETTE_CLOUDS,
    NH_FX_PALETTE_CANDY, // around
    NH_FX_PALETTE_LAGOON,
    NH_FX_PALETTE_AUTUMN,
    NH_FX_PALETTE_BLOSSOM,
    NH_FX_PALETTE_PEACOCK, // around
    NH_FX_PALETTE_GALAXY,
    NH_FX_PALETTE_COPPER,
    NH_FX_PALETTE_MINT,
    NH_FX_PALETTE_GRAPE,
    NH_FX_PALETTE_TROPIC, // around
    NH_FX_PALETTE_NEON,   // around
    NH_FX_PALETTE_ORBIT,  // three colours, stepped
    NH_FX_PALETTE_MATRIX,
    NH_FX_PALETTE_MOONLIGHT,
    NH_FX_PALETTE_DUSK,
    NH_FX_PALETTE_GOLD,
    NH_FX_PALETTE_ROSE,
    NH_FX_PALETTE_PASTEL,        // around
    NH_FX_PALETTE_STAINED_GLASS, // stepped
    NH_FX_PALETTE_COUNT
};

// For effects whose colours go around: `out` is the palette with its end led back to its beginning,
// over the last eighth, where the two are far apart; else, and where it is stepped, as it is.
void nh_fx_palette_close(const nh_px_t *palette, nh_px_t out[256]);

#endif
