"""The style of all drawings: a white card, readable on a light and on a dark page.

Coordinates are pixels: a drawing is 700 wide, x grows to the right, y upwards; its height is what it needs.
"""
import math

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

FILL = {"input": "#e4e7eb", "state": "#d3e5fc", "gate": "#fde0bd", "output": "#cfeed5", "plain": "#ffffff",
        "panel": "#f6f8fa"}
EDGE = {"input": "#68717b", "state": "#1f6ac4", "gate": "#a34e00", "output": "#22863a", "plain": "#68717b",
        "panel": "#c9d1d9", "ink": "#1f2328", "gradient": "#cf222e"}
POINT = 0.75  # points per pixel


class Drawing:
    def __init__(self):
        self.figure = Figure(facecolor="none")
        self.axes = self.figure.add_axes([0, 0, 1, 1], xlim=(0, 700))
        self.axes.axis("off")

    def add(self, patch, zorder):
        self.axes.add_patch(patch)
        patch.set(clip_on=False, zorder=zorder)

    def texts(self, size, *places, kind="ink", align="center"):
        for x, y, words in places:
            self.axes.text(x, y, words, size=size * POINT, color=EDGE[kind], ha=align, va="center_baseline",
                           zorder=4)
            self.axes.update_datalim([(x, y)])

    def panel(self, x0, y0, x1, y1, kind="panel", zorder=0):
        """A rounded rectangle behind everything, by two corners."""
        self.add(FancyBboxPatch((x0, y0), x1 - x0, y1 - y0, "round,pad=0,rounding_size=8",
                                facecolor=FILL[kind], edgecolor=EDGE["panel"], linewidth=1), zorder)

    def box(self, x, y, words="", kind="state", w=52, h=34, size=13):
        """A rounded box by its centre."""
        self.add(FancyBboxPatch((x - w / 2, y - h / 2), w, h, "round,pad=0,rounding_size=5",
                                facecolor=FILL[kind], edgecolor=EDGE[kind], linewidth=1.1), 2)
        self.texts(size, (x, y, words))

    def operators(self, *places):
        """Circles of radius 12: operations on each unit."""
        for x, y, symbol in places:
            self.add(Circle((x, y), 12, facecolor="#ffffff", edgecolor=EDGE["ink"], linewidth=1.1), 2)
            self.texts(15 if len(symbol) == 1 else 12, (x, y + 1.5, symbol))

    def line(self, *points, kind="ink", dashed=False, over=False, width=1.2):
        """A line through the points; over: it crosses a line drawn earlier, which is interrupted there."""
        pattern = (0, (3, 2)) if dashed or kind == "gradient" and width < 2 else "solid"
        for colour, size, dashes in [(FILL["panel"], 6, "solid")] * over + [(EDGE[kind], width, pattern)]:
            self.add(PathPatch(Path(points), fill=False, edgecolor=colour, linewidth=size, linestyle=dashes,
                               capstyle="butt", joinstyle="miter"), 1)

    def arrows(self, kind, *paths, head=9, **options):
        """Lines, each with a head at its last point."""
        for path in paths:
            (x0, y0), (x1, y1) = path[-2:]
            dx, dy = [head * step / math.hypot(x1 - x0, y1 - y0) for step in (x1 - x0, y1 - y0)]
            self.line(*path[:-1], (x1 - dx, y1 - dy), kind=kind, **options)
            sides = [(x1 - dx + side * dy, y1 - dy - side * dx) for side in (-0.5, 0.5)]
            self.add(Polygon([(x1, y1), *sides], facecolor=EDGE[kind], linewidth=0), 3)

    def dots(self, kind, *points):
        """Where lines branch."""
        for point in points:
            self.add(Circle(point, 3, facecolor=EDGE[kind], linewidth=0), 3)

    def grid(self, x, y, rows, columns, kind, size=20, words="", tall=None):
        """A matrix, its upper left corner at x, y; words: a character for each cell."""
        tall = tall or size
        cells = [(x + n % columns * size, y - (n // columns + 1) * tall) for n in range(rows * columns)]
        corners = [[(x, y), (x + size, y), (x + size, y + tall), (x, y + tall), (x, y)] for x, y in cells]
        path = Path.make_compound_path(*[Path(points, closed=True) for points in corners])
        self.add(PathPatch(path, facecolor=FILL[kind], edgecolor=EDGE[kind], linewidth=0.6), 2)
        self.texts(0.65 * size, *[(x + size / 2, y + tall / 2, word) for (x, y), word in zip(cells, words)])

    def legend(self, x, y, kind, words, **options):
        self.arrows(kind, [(x, y), (x + 40, y)], **options)
        self.texts(12, (x + 50, y, words), align="left")


def save(draw, path):
    """Writes what draw(drawing) draws; the same bytes each time."""
    with style.context(["default", {"svg.hashsalt": "drawings", "mathtext.fontset": "dejavusans"}]):
        d = Drawing()
        draw(d)
        height = d.axes.dataLim.y1 + 20
        d.panel(1, 1, 699, height - 1, "plain", zorder=-1)
        d.axes.set_ylim(0, height)
        d.figure.set_size_inches(700 * POINT / 72, height * POINT / 72)
        d.figure.savefig(path, metadata={"Date": None})
