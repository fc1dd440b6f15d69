"""The chart: bars of CPU per operation, a panel for each server and window."""
from html import escape
from statistics import median

SERVER_TITLES = {"null": "Null server", "apache": "Apache ZooKeeper", "embedded": "Okapi's embedded server"}
COLOURS = {"okapi": "#c2410c", "peer": "#4b6f9c", "floor": "#b6bcc6", "extra": "#6b8f47"}
WIDTH, BAR, GAP, NAMES, FIGURES, HEAD, MARGIN = 560, 15, 6, 215, 95, 34, 18


def label(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(x, y, content, **attributes):
    marks = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{marks}>{escape(content)}</text>'


def panel(results, place, figure, left, top):
    names = sorted(results.clients(place), key=lambda each: median(results.values(place, each, figure)))
    greatest = max(max(results.values(place, each, figure)) for each in names)
    scale = (WIDTH - NAMES - FIGURES) / greatest if greatest > 0 else 0
    start = left + NAMES
    drawn = [text(left, top + 16, f"{SERVER_TITLES.get(place[0], place[0])}: {place[1]}, {place[2]} outstanding", font_weight="bold", font_size=13)]
    for row, name in enumerate(names):
        y = top + HEAD + row * (BAR + GAP)
        values = results.values(place, name, figure)
        middle, kind = median(values), results.kinds[name]
        bold = {"font_weight": "bold"} if kind == "okapi" else {}
        drawn.append(text(start - 6, y + BAR - 3, SHORT.get(name, results.titles[name]), text_anchor="end", **bold))
        drawn.append(f'<rect x="{start}" y="{y}" width="{max(1.0, middle * scale):.1f}" height="{BAR}" fill="{COLOURS.get(kind, COLOURS["extra"])}"/>')
        if len(values) > 1:
            drawn.append(f'<path d="M{start + min(values) * scale:.1f} {y + BAR / 2}H{start + max(values) * scale:.1f}" stroke="#1f2937" stroke-width="1.5"/>')
        ratios = results.ratios(place, name, "okapi", figure)
        ratio = f" ({label(median(ratios))}×)" if ratios and name != "okapi" else ""
        drawn.append(text(start + max(max(values) * scale, 1) + 5, y + BAR - 3, label(middle) + ratio, **bold))
    return drawn, HEAD + len(names) * (BAR + GAP)


# What fits beside a bar.
SHORT = {"mux-pool": "bare .NET sockets, pool", "mux-inline": "bare .NET sockets, inline", "raw-c": "bare C sockets", "c-tuned": "C client, tuned"}


def draw(results, operation, figure):
    """The chart as SVG, or nothing when there is nothing of that operation."""
    places = [each for each in results.places() if each[1] == operation]
    if not places:
        return None
    servers = list(dict.fromkeys(each[0] for each in places))
    drawn, y = [], MARGIN + 30
    for window in dict.fromkeys(each[2] for each in places):
        height = 0
        for column, server in enumerate(servers):
            if (server, operation, window) in places:
                shapes, tall = panel(results, (server, operation, window), figure, MARGIN + column * (WIDTH + MARGIN), y)
                drawn += shapes
                height = max(height, tall)
        y += height + MARGIN
    width = MARGIN + len(servers) * (WIDTH + MARGIN)
    title = text(MARGIN, MARGIN + 10, "CPU of the client per operation, in µs: less is better; median, and a line from least to greatest", font_size=13)
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="12" fill="#1f2937">',
                      f'<rect width="{width}" height="{y}" fill="#ffffff"/>', title, *drawn, "</svg>", ""])
