"""A result as a table for people, and as a picture that is at home on light and on dark pages."""
import math
from xml.sax.saxutils import escape

WIDTH, LABEL, VALUE, ROW, TOP, FOOT = 860, 270, 190, 26, 46, 40
STYLE = """
  text { font: 13px system-ui, 'Segoe UI', Roboto, Helvetica, sans-serif; fill: #59636e; }
  .head { font-weight: 600; font-size: 15px; }
  .value { font-variant-numeric: tabular-nums; }
  .small { font-size: 11px; }
  .bar { fill: #2f9e8f; }
  .worse { fill: #c0653a; }
  .grid { stroke: #8c959f; stroke-opacity: .35; }
  .one { stroke: #8c959f; }
  .goal { stroke: #59636e; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #b1bac4; }
    .goal { stroke: #d1d7e0; }
    .bar { fill: #3fb6a5; }
  }
"""


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def goal_text(row):
    if row["goal"] is None:
        return ""
    return f"≥ {row['goal']:g}" if row["better"] == "more" else f"≤ {row['goal']:.3g}"


def ratio_text(row):
    return number(row["ratio"]) if row["ratio"] >= 1 else f"{row['ratio']:.3f}"


def markdown(result):
    machine = result["machine"]
    lines = ["| case | unit | nuthatch | mosquitto | ratio | goal | faults |",
             "|---|---|---:|---:|---:|---:|---:|"]
    for r in result["rows"]:
        mark = "" if r["is_met"] else " **missed**"
        faults = f"{r['faults']}" + (f", {r['faults_mosquitto']}" if r["faults_mosquitto"] else "")
        lines.append(f"| {r['case']} | {r['unit']} | {number(r['nuthatch'])} | {number(r['mosquitto'])} | "
                     f"{ratio_text(r)} | {goal_text(r)}{mark} | {faults} |")
    floors = [f"{number(r['floor'])} {r['unit']} ({r['case']})" for r in result["rows"] if r.get("floor")]
    if floors:
        lines += ["", "A peer that only accepts, answers and closes reaches " + ", ".join(floors) + "."]
    version = {4: "3.1.1", 5: "5.0"}[result["version"]]
    lines += ["", f"MQTT {version}, nuthatch `durability: {result['durability']}`, medians of {result['runs']} "
                  f"runs; mosquitto {machine['mosquitto']}; "
                  f"{machine['cores']} cores ({machine['cpu']}), Linux {machine['kernel']}; others on the "
                  f"machine took at most {result['others_cores_max']:.2f} cores meanwhile."]
    return "\n".join(lines)


def write_into(path, name, text):
    """Replaces what stands between the marks of that name in a page."""
    begin, end = f"<!-- {name}: begin -->\n", f"\n<!-- {name}: end -->"
    with open(path) as f:
        page = f.read()
    if begin not in page or end not in page:
        raise SystemExit(f"{path} has no marks {begin.strip()} and {end.strip()}")
    head, rest = page.split(begin, 1)
    with open(path, "w") as f:
        f.write(head + begin + text + end + rest.split(end, 1)[1])


# ---- the picture -----------------------------------------------------------------------------------


def times_better(row, ratio):
    return ratio if row["better"] == "more" else 1 / max(1e-9, ratio)


class Scale:
    """Places on a logarithmic axis that shows every bar and every goal."""

    def __init__(self, rows):
        values = [times_better(r, r["ratio"]) for r in rows]
        values += [times_better(r, r["goal"]) for r in rows if r["goal"]]
        self.low = 1.0 if min(values) >= 1 else 10 ** (math.floor(2 * math.log10(min(values))) / 2)
        self.high = 10 ** (math.ceil(2 * math.log10(max(values) * 1.05)) / 2)

    def x(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return LABEL + share * (WIDTH - LABEL - VALUE)

    def marks(self):
        marks = [m * 10 ** e for e in range(-2, 5) for m in (1, 2, 5)]
        return [m for m in marks if self.low <= m <= self.high * 1.0001]


def bar(row, scale, y):
    better = times_better(row, row["ratio"])
    left, right = sorted((scale.x(1), scale.x(better)))
    kind = "bar" if better >= 1 else "worse"
    goal = scale.x(times_better(row, row["goal"])) if row["goal"] else 0
    beside = goal if right < goal + 2 < right + 50 else right  # the goal's line goes before the number
    values = f"{number(row['nuthatch'])} : {number(row['mosquitto'])} {row['unit']}"
    out = [f'<text x="{LABEL - 10}" y="{y + 13}" text-anchor="end">{escape(row["case"])}</text>',
           f'<rect class="{kind}" x="{left:.1f}" y="{y}" width="{max(1.5, right - left):.1f}" height="18" rx="2"/>',
           f'<text class="value" x="{beside + 6:.1f}" y="{y + 13}">{number(better)}x</text>',
           f'<text class="small value" x="{WIDTH - 4}" y="{y + 13}" text-anchor="end">{escape(values)}</text>']
    if goal:
        out.append(f'<line class="goal" x1="{goal:.1f}" x2="{goal:.1f}" y1="{y - 3}" y2="{y + 21}"/>')
    return out


def svg(result):
    rows = result["rows"]
    scale, bottom = Scale(rows), TOP + ROW * len(rows)
    height = bottom + FOOT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'viewBox="0 0 {WIDTH} {height}" role="img">',
           "<title>How many times better than mosquitto, case by case</title>",
           f"<style>{STYLE}</style>",
           f'<text class="head" x="4" y="20">Times better than mosquitto '
           f'{escape(result["machine"]["mosquitto"])}; the upright line is the goal</text>']
    for mark in scale.marks():
        x = scale.x(mark)
        kind = "one" if mark == 1 else "grid"
        out.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}"/>')
        out.append(f'<text class="small" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{mark:g}</text>')
    for i, row in enumerate(rows):
        out += bar(row, scale, TOP + i * ROW)
    out.append(f'<text class="small" x="4" y="{height - 6}">Same load for both, in turns, broker and load on a '
               f'core each; medians of {result["runs"]} runs. Right: nuthatch : mosquitto.</text>')
    return "\n".join(out + ["</svg>", ""])
