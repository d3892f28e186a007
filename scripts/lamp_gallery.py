#!/usr/bin/env python3
"""lamp_gallery.py NUTHATCH: docs/lamp-gallery.md and the pictures in docs/img/lamp, from the effects that the
program has.

    --check  writes nothing; says what differs from what is there, and exits 1 if anything does

The pictures are the same bytes each time: a change of an effect is a change of its picture, seen in review."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "lamp-gallery.md"
PICTURES = ROOT / "docs" / "img" / "lamp"
RECORD = ["--size", "48x16", "--scale", "4", "--gap", "1", "--seconds", "1.6", "--fps", "10", "--start", "3",
          "--max-colors", "32"]
# What shows an effect better than the common settings do.
OWN = {
    "SUNRISE": ["--start", "4", "--seconds", "3.2", "--fps", "5", "--speed", "300"],
    "STORM": ["--start", "2.6"],
    "TEXT": ["--text", "nuthatch: grüß Gott!", "--start", "2.4"],
    "TEXT WAVE": ["--text", "nuthatch: grüß Gott!", "--start", "2.4"],
}
KINDS = {
    "noise": "Fields of noise",
    "particles": "Things that fly, fall and glow",
    "geometry": "Waves, shapes and light",
    "sound": "What the lamp hears",
    "text": "Words and figures",
}
# What a person sees, and what intensity does. "": the intensity is not looked at.
ABOUT = {
    "SNOW FALL": ("Flakes sink and fade.", "how many"),
    "CONFETTI": ("Dots of every colour, here and there.", "how many"),
    "DIAG RAINBOW": ("The hue circle, on a slant.", "how fine"),
    "GLITTER RAINBOW": ("A rainbow with glitter on it.", "how much glitter"),
    "RADIAL RIPPLE": ("Diamond rings that run out of the middle.", "how wide the bright ones are"),
    "CUBES": ("Frames that breathe, one in the other.", "white dots"),
    "ORBIT DOTS": ("Three suns on their ways, dust behind them.", "dust"),
    "FIRE": ("A fire with wind, tongues, sparks and petals.", "how high it burns"),
    "NOISE": ("Soft hills of colour that boil and drift.", "how fine"),
    "CLOUDS": ("Clouds in the wind.", "how fine"),
    "LAVA": ("A crust with glowing cracks.", "how fine"),
    "MARBLE": ("Veins that bend each other.", "how fine"),
    "ZEBRA": ("Bands of light and dark that wander.", "how fine"),
    "PLASMA": ("Sums of waves, as on the first computers with colours.", "how fine"),
    "COLOR WAVES": ("Colours one way, light and shade across.", "how fine"),
    "SEA": ("Swells against each other, foam where they meet.", "foam"),
    "AURORA": ("Curtains of northern lights.", "how bright"),
    "MOIRE": ("Rings around two wandering points, crossing.", "how fine"),
    "RIPPLE FIELD": ("Waves from three wandering points.", "how fine"),
    "VORTEX": ("Three arms that turn around a dark eye.", "how twisted"),
    "TUNNEL": ("A flight through a winding tube.", "how narrow"),
    "KALEIDOSCOPE": ("Six mirrored wedges of one pattern.", "how fine"),
    "DIAMOND RINGS": ("Soft diamonds that grow out of the middle.", "how many"),
    "HEARTBEAT": ("A heart that beats.", "how strongly"),
    "METABALLS": ("Balls that melt into each other.", "how many"),
    "LAVA LAMP": ("Wax that rises warm and sinks cold.", "how many blobs"),
    "BUBBLES": ("Bubbles that rise, each with a shine.", "how many"),
    "MATRIX RAIN": ("Columns of signs, a bright head and a tail.", "how many"),
    "RAIN": ("Rain that splashes on the ground.", "how hard"),
    "STORM": ("Dark clouds, slanting rain, lightning.", "how hard, how often"),
    "METEORS": ("Meteors with crumbling tails under stars.", "how many"),
    "COMET": ("Two lights on winding paths.", "how long their tails are"),
    "TWINKLE": ("Each pixel lights up softly in its own time.", "how many"),
    "FIREFLIES": ("They wander, glow and go dark over the grass.", "how many"),
    "FIREWORKS": ("Rockets climb and burst, sparks fall.", "how many"),
    "STARFIELD": ("Stars that come towards you.", "how many"),
    "CANDLE": ("A flame; on a wide lamp several.", "how restless"),
    "SCANNER": ("An eye that looks to and fro, with an afterglow.", "how long that is"),
    "COLOR WIPE": ("One colour after the other, along the lamp.", "how soft the edge is"),
    "CHECKER": ("A board that turns and breathes.", "how fine"),
    "DNA": ("Two strands around each other, rungs between.", "how tightly"),
    "BOUNCING BALLS": ("Balls that bounce; what falls from higher takes longer.", "how many"),
    "BPM BARS": ("Bars that jump to 120 beats a minute.", "how high"),
    "SYNTHWAVE": ("A sun over a plain of lines.", "how many lines"),
    "GRADIENT": ("The whole palette in slow motion.", "how much of it at once"),
    "CANDY STRIPES": ("Stripes of the three colours.", "how narrow"),
    "SOLID": ("The first colour: a light to read by.", ""),
    "BREATHE": ("The first colour and the third by turns, over the second.", "how deep"),
    "SUNRISE": ("From night to day and back, in a minute.", "glow"),
    "POND": ("Drops on water; waves come back from the rim.", "how many drops"),
    "GAME OF LIFE": ("Born with three neighbours, alive with two or three; colours by age.", "ghosts of the dead"),
    "EQUALIZER": ("A bar for each band, caps that fall slowly.", "gain"),
    "VU METER": ("How loud it is, from the middle to both ends.", "gain"),
    "SPECTRUM": ("Bands across, time along.", "gain"),
    "TEXT": ("The text in the first colour on the second; it scrolls when it is too long.", "how fast it scrolls"),
    "TEXT WAVE": ("The text in the palette's colours, on a wave.", "how high the wave is"),
    "CLOCK": ("Hours and minutes as the lamp's shape allows; seconds along the ground.", ""),
}
HEAD = """# The lamp's effects in pictures

{count} effects, each on 48 x 16 pixels. Any of them is in a lamp by its name or its number: `POST /api/lamp` with
`{{"effect":"AURORA"}}`; without a lamp: `nuthatch lamp preview --effect aurora`. How they are made:
[lamp-effects.md](lamp-effects.md).

Made by `scripts/lamp_gallery.py build/release/nuthatch`; pictures by `nuthatch lamp record`. Sound effects hear a tune
made for the pictures.
"""


def stem(name):
    return name.lower().replace(" ", "-")


def record(nuthatch, effect, folder):
    file = pathlib.Path(folder) / f"{stem(effect['name'])}.gif"
    subprocess.run([nuthatch, "lamp", "record", "--effect", effect["name"], *RECORD, *OWN.get(effect["name"], []),
                    "-o", str(file)], check=True, stdout=subprocess.DEVNULL)
    return file.name, file.read_bytes()


def page(effects):
    missing = [e["name"] for e in effects if e["name"] not in ABOUT]
    gone = [name for name in ABOUT if name not in {e["name"] for e in effects}]
    if missing or gone:
        sys.exit(f"lamp_gallery.py: ABOUT lacks {missing or 'nothing'}, has {gone or 'nothing'} that is gone")
    lines = [HEAD.format(count=len(effects))]
    for kind, title in KINDS.items():
        lines += [f"## {title}", "", "| | effect | number | palette | looks at |", "|---|---|---|---|---|"]
        for e in (e for e in effects if e["kind"] == kind):
            text, intensity = ABOUT[e["name"]]
            if bool(intensity) != ("intensity" in e["uses"]):
                sys.exit(f"lamp_gallery.py: {e['name']}: what its intensity does is wrong in ABOUT")
            about = f"**{e['name']}**<br>{text}" + (f" Intensity: {intensity}" if intensity else "")
            palette = e["palette"] if "palette" in e["uses"] else ""
            lines.append(f"| ![{e['name']}](img/lamp/{stem(e['name'])}.gif) | {about} | 0x{e['id']:04X} | {palette} | "
                         f"{', '.join(e['uses'])} |")
        lines.append("")
    return "\n".join(lines)


def main():
    check = "--check" in sys.argv
    nuthatch = next((a for a in sys.argv[1:] if not a.startswith("-")), None)
    if not nuthatch:
        sys.exit(__doc__)
    effects = json.loads(subprocess.run([nuthatch, "lamp", "list", "--json"], check=True,
                                        capture_output=True).stdout)["effects"]
    wanted = {PAGE: page(effects).encode()}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, data in pool.map(lambda e: record(nuthatch, e, folder), effects):
            wanted[PICTURES / name] = data
    old = {f for f in PICTURES.glob("*.gif") if f not in wanted}
    changed = [f for f, data in wanted.items() if not f.exists() or f.read_bytes() != data]
    total = sum(len(data) for f, data in wanted.items() if f != PAGE)
    for f in sorted([*changed, *old]):
        print(f"{f.relative_to(ROOT)} {'differs' if check else 'gone' if f in old else 'written'}")
    print(f"{len(effects)} effects, {total} bytes of pictures")
    if total > 1500000:
        sys.exit("lamp_gallery.py: the pictures have over 1,500,000 bytes together")
    if check:
        sys.exit(1 if changed or old else 0)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for f in changed:
        f.write_bytes(wanted[f])
    for f in old:
        f.unlink()


main()
