#include "harness/plot_svg.h"

#include <string.h>

// The colours are those of the portal (web/src/app.css).
static const char style[] =
    "<style>\n"
    ":root { --bg: #fbfcfc; --line: #d3dae0; --ink: #16202a; --ink2: #43515e; --ink3: #5a6874;\n"
    "  --free: #3990cb; --soft: #dbe7f1; --large: #0b7052; --least: #a5480f; --frag: #633a62;\n"
    "  --bad: #b01f2e; --warn: #7d5800; }\n"
    "@media (prefers-color-scheme: dark) { :root { --bg: #151d25; --line: #25313c;\n"
    "  --ink: #e6ecf1; --ink2: #b3bfca; --ink3: #8c9aa7; --free: #b9e4f7; --soft: #1b3246;\n"
    "  --large: #68c0a7; --least: #ea9459; --frag: #bf84c2; --bad: #ff8a80; --warn: #deb04e; } }\n"
    "text { font: 11px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;\n"
    "  fill: var(--ink3); font-variant-numeric: tabular-nums; }\n"
    ".t1 { font-size: 15px; font-weight: 650; fill: var(--ink); }\n"
    ".t2 { font-size: 12px; fill: var(--ink2); } .tag { font-size: 10px; fill: var(--ink2); }\n"
    ".bad { fill: var(--bad); font-weight: 600; } .warn { fill: var(--warn); }\n"
    ".bg { fill: var(--bg); } .grid { stroke: var(--line); fill: none; }\n"
    ".hair { stroke: var(--ink3); stroke-opacity: .35; fill: none; }\n"
    ".free { stroke: var(--free); } .large { stroke: var(--large); } .frag { stroke: var(--frag); "
    "}\n"
    ".least { stroke: var(--least); } .area { fill: var(--soft); stroke: none; }\n"
    ".ln { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .wide { stroke-width: 2.2; }\n"
    ".dot { stroke: var(--bg); stroke-width: 1; } .dot.free { fill: var(--free); }\n"
    ".dot.least { fill: var(--least); } .alarm { stroke: var(--bad); stroke-width: 2; }\n"
    ".limit { stroke: var(--warn); stroke-dasharray: 5 4; fill: none; }\n"
    "</style>\n";

void nh_harness_svg_escape(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else if ((unsigned char)*text < ' ' || *text == '>' || (unsigned char)*text >= 0x7f)
            fputc('.', out); // a tag is any bytes; a picture must stay well formed
        else
            fputc(*text, out);
    }
}

void nh_harness_svg_begin(FILE *out, int height, const char *title, const char *sub)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
            NH_PLOT_WIDTH, height, NH_PLOT_WIDTH, height);
    nh_harness_svg_escape(out, title);
    fprintf(out, "</title>\n%s<rect class=\"bg\" width=\"100%%\" height=\"100%%\" rx=\"6\"/>\n",
            style);
    nh_harness_svg_text(out, 18, 26, "t1", "start", title);
    nh_harness_svg_text(out, NH_PLOT_WIDTH - NH_PLOT_RIGHT, 26, "t2", "end", sub);
}

void nh_harness_svg_end(FILE *out)
{
    fputs("</svg>\n", out);
}

void nh_harness_svg_text(FILE *out, double x, double y, const char *cls, const char *anchor,
                         const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, cls, anchor);
    nh_harness_svg_escape(out, text);
    fputs("</text>\n", out);
}

uint64_t nh_harness_svg_step(uint64_t max, int lines, bool is_bytes)
{
    uint64_t step = 1;
    for (int i = 1; max / step > (uint64_t)lines && step < UINT64_MAX / 16; i++)
        step = !is_bytes && i % 3 == 2 ? step * 5 / 2 : step * 2;
    return step;
}
