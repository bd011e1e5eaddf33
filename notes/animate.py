"""Draws the README's animation: sin_to_cos_lstm.py while it learns.

    python notes/animate.py                          notes/figures/sin_to_cos_lstm.gif
    python notes/animate.py --output other.gif
"""
import argparse
import collections
import pathlib
import sys

NOTES = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(NOTES.parent))

from matplotlib.animation import PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import sin_to_cos_lstm

WINDOWS = 20  # that a frame shows: two periods
SLOW = 40  # each of the first windows is a frame, after them every fifth
HOLD = 15  # how many frames long the last one stands


def animate(path, iterations=200, seed=0):
    """Trains, and writes what the live window would have shown as a GIF; returns the number of frames."""
    figure = Figure(figsize=(8, 3), dpi=90)
    FigureCanvasAgg(figure)
    waves = collections.deque(maxlen=WINDOWS)
    update = sin_to_cos_lstm.plot_waves(figure, waves)
    axes, = figure.axes
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncol=2, frameon=False)  # above the waves, not over them
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.17, top=0.89)
    frames = 0
    writer = PillowWriter(fps=10)

    def draw():
        nonlocal frames
        update()
        writer.grab_frame()
        frames += 1

    def on_step(i, cost, t, y, prediction):
        waves.append((t[0], y[0, :, 0], prediction[0, :, 0]))
        if i < SLOW or i % 5 == 4:
            axes.set_title(f"window {i + 1} of {iterations}    cost {cost:.2f}", loc="left", family="monospace")
            draw()

    with writer.saving(figure, str(path), figure.dpi):
        sin_to_cos_lstm.train(iterations, seed, on_step=on_step)
        for _ in range(HOLD):
            draw()
    return frames


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=NOTES / "figures" / "sin_to_cos_lstm.gif", metavar="FILE")
    args = parser.parse_args(argv)
    animate(args.output)


if __name__ == "__main__":
    main()
