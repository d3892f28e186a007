// mock_lamp_lists.mjs - the effects and palettes of the hub, as /api/lamp/effects and /api/lamp/palettes had them.

// Number, kind, palette, what it looks at, name.
const EFFECT_ROWS = `
ea01 particles WHITE palette+intensity SNOW FALL
ea02 particles RAINBOW palette+intensity CONFETTI
ea03 geometry RAINBOW palette DIAG RAINBOW
ea04 particles RAINBOW palette+intensity GLITTER RAINBOW
ea05 geometry RAINBOW palette+intensity RADIAL RIPPLE
ea06 geometry RAINBOW palette+intensity CUBES
ea07 geometry ORBIT palette+intensity ORBIT DOTS
ca01 particles FIRE palette+intensity FIRE
ca02 noise RAINBOW palette+intensity NOISE
ca03 noise CLOUDS palette+intensity CLOUDS
ca04 noise LAVA palette+intensity LAVA
ca05 noise PEACOCK palette+intensity MARBLE
ca06 noise CANDY palette+intensity ZEBRA
ca07 geometry PLASMA palette+intensity PLASMA
ea08 geometry RAINBOW palette+intensity COLOR WAVES
ca08 noise OCEAN palette+intensity SEA
ca09 noise AURORA palette+intensity AURORA
ca0a geometry NEON palette+intensity MOIRE
ca0b geometry LAGOON palette+intensity RIPPLE FIELD
ca0c geometry GALAXY palette+intensity VORTEX
ca0d geometry PARTY palette+intensity TUNNEL
ca0e geometry RAINBOW palette+intensity KALEIDOSCOPE
ea09 geometry TROPIC palette+intensity DIAMOND RINGS
ea0a geometry ROSE palette+intensity HEARTBEAT
ca0f geometry PARTY palette+intensity METABALLS
ca10 geometry LAVA palette+intensity LAVA LAMP
ea0b particles LAGOON palette+intensity BUBBLES
ea0c particles MATRIX palette+intensity MATRIX RAIN
ea0d particles OCEAN palette+intensity RAIN
ca11 particles MOONLIGHT palette+intensity STORM
ea0e particles SUNSET palette+intensity METEORS
ea13 particles RAINBOW palette+intensity COMET
ea0f particles GOLD palette+intensity TWINKLE
ea10 particles FOREST palette+intensity FIREFLIES
ca12 particles RAINBOW palette+intensity FIREWORKS
ea11 particles ICE palette+intensity STARFIELD
ca13 noise FIRE palette+intensity CANDLE
ea12 geometry EMBER palette+intensity SCANNER
ea14 geometry PARTY palette+intensity COLOR WIPE
ea15 geometry TROPIC palette+intensity CHECKER
ea16 geometry NEON palette+intensity DNA
ea17 particles RAINBOW palette+intensity BOUNCING BALLS
ea18 geometry PARTY palette+intensity BPM BARS
ca14 geometry SUNSET palette+intensity SYNTHWAVE
ea1d geometry PASTEL palette+intensity GRADIENT
ea1e geometry CANDY colors+intensity CANDY STRIPES
ea1c geometry WHITE colors+intensity BREATHE
ca15 geometry DUSK palette+intensity SUNRISE
ca16 particles OCEAN palette+intensity POND
ca17 particles NEON palette+intensity GAME OF LIFE
ea19 sound RAINBOW palette+intensity+audio EQUALIZER
ea1a sound PARTY palette+intensity+audio VU METER
ea1b sound PLASMA palette+intensity+audio SPECTRUM
ea1f text WHITE colors+intensity+text TEXT
ea20 text RAINBOW palette+intensity+text TEXT WAVE
ea21 text AURORA palette+clock CLOCK
`;

// Blend, stops, name.
const PALETTE_ROWS = `
smooth 0#ff0000,43#ffff00,86#00ff00,129#00ffff,172#0000ff,215#ff00ff,255#ff000f RAINBOW
smooth 0#180000,64#b01204,128#ff6a00,198#ffd23c,255#fff6b4 EMBER
smooth 0#000418,56#04205e,112#0a58a0,160#10a0be,210#40d8d0,255#d8fff4 OCEAN
smooth 0#021004,60#0c3c0a,120#2a7a14,168#5ca820,214#a8c63c,255#f0e684 FOREST
smooth 0#00060e,50#003c3c,96#08a064,136#30f08c,176#2096c8,216#6c4cf0,255#d070ff AURORA
smooth 0#10063c,44#4a0c64,88#a01464,132#e83048,176#ff6a28,220#ffac38,255#ffe494 SUNSET
smooth 0#000a20,70#08306c,128#1c70c0,178#60b8f0,220#b4e8ff,255#ffffff ICE
smooth 0#000000,20#3c0300,48#900800,64#b52a01,80#d64b02,96#f36804,112#ff8205,128#ff9807,140#ffa708,168#ffb90a,200#ffc410,232#ffce1c,255#ffdc38 FIRE
smooth 0#ffffff WHITE
smooth 0#080000,60#3c0200,104#8c0a00,140#d02400,172#ff4a00,204#ff8410,232#ffc040,255#fff0a8 LAVA
smooth 0#1c0678,44#7804b0,88#e0187c,128#ff6430,168#e0187c,212#7804b0,255#1c0678 PLASMA
smooth 0#5a00d8,32#b400a8,64#f0104c,96#ff5000,128#ffb800,160#c8e000,192#10c070,224#0078f0,255#5a00d8 PARTY
smooth 0#0a2c78,64#1a58b8,120#4898e0,168#90c8f4,212#dceeff,255#ffffff CLOUDS
smooth 0#ff2868,51#ff78b0,102#ffd8e8,153#70d8e8,204#8878f0,255#ff2868 CANDY
smooth 0#001c28,64#006468,120#00a890,170#40e0b0,214#a8f4c0,255#fff4c8 LAGOON
smooth 0#1c0804,52#641408,100#b03008,144#e06410,184#f0a01c,220#c8b030,255#6c8018 AUTUMN
smooth 0#280818,60#80204c,116#e05080,164#ff90ac,212#ffccd4,255#fff4ec BLOSSOM
smooth 0#04106c,44#0060c0,88#00b8b0,128#30e060,168#00b8b0,212#4020c0,255#04106c PEACOCK
smooth 0#02020c,48#120c48,96#3c1484,136#8824b0,168#e04ca8,200#ff9ca0,228#b0d0ff,255#ffffff GALAXY
smooth 0#0c0402,64#4c1c0c,120#a04820,168#e08040,212#ffb880,255#ffecd8 COPPER
smooth 0#00140c,80#00703c,144#20c078,204#90f4b8,255#f0fff4 MINT
smooth 0#0a0014,64#38085c,120#7018a0,168#b048d8,212#e09cf8,255#ffecff GRAPE
smooth 0#ff3c48,42#ff8c20,85#ffd828,128#50d848,170#00b8b8,212#7048d8,255#ff3c48 TROPIC
smooth 0#ff00a0,51#9000ff,102#0048ff,153#00f0ff,204#48ff40,255#ff00a0 NEON
stepped 0#ff5028,86#28ff50,171#5028ff ORBIT
smooth 0#000400,80#003c0a,150#00a01c,214#20f040,255#d0ffd0 MATRIX
smooth 0#04060e,72#181e3c,128#44507c,176#8890b8,220#d0d4e4,255#fffae8 MOONLIGHT
smooth 0#040818,52#10285c,104#40388c,148#903c84,188#d8506c,224#ff9060,255#ffd890 DUSK
smooth 0#100800,64#4c2c00,120#a06400,168#e8a010,212#ffd450,255#fff8d0 GOLD
smooth 0#100004,64#580414,120#b80c2c,168#f03050,212#ff7c8c,255#ffe0dc ROSE
smooth 0#ffa0a0,51#ffd890,102#c0f0a0,153#90dcf0,204#c4a8f8,255#ffa0a0 PASTEL
stepped 0#c00818,32#f07808,64#f8d020,96#18a038,128#08a8b0,160#1040d0,192#6818c0,224#d02890 STAINED GLASS
`;

const rows = (text) => text.trim().split('\n').map((row) => row.split(' '));

export const EFFECTS = rows(EFFECT_ROWS).map(([id, kind, palette, uses, ...name], index) => ({ index, id: parseInt(id, 16), name: name.join(' '), kind, palette: palette.replace(/_/g, ' '), uses: uses.split('+') }));
export const PALETTES = rows(PALETTE_ROWS).map(([blend, stops, ...name]) => ({
  name: name.join(' '), own: false, stepped: blend === 'stepped', stops: stops.split(',').map((s) => ({ at: parseInt(s, 10), color: s.slice(s.indexOf('#')) })),
}));
