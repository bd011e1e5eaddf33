"""Draws the README's animation, notes/figures/sin_to_cos_lstm.gif: sin_to_cos_lstm.py while it learns."""
import pathlib
import sys

NOTES = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(NOTES.parent))

from matplotlib.animation import PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import sin_to_cos_lstm


def animate(path, iterations=200):
    """Trains and writes a frame for each of the first 40 windows, then for every fifth; the last stands longer."""
    figure = Figure(figsize=(8, 3), dpi=90, layout="tight")
    FigureCanvasAgg(figure)
    update = sin_to_cos_lstm.plot_waves(figure)
    writer, waves = PillowWriter(fps=10), []

    def on_step(i, cost, wave):
        waves.append(wave)
        if i < 40 or i % 5 == 4:
            update(i, cost, waves[-20:])
            writer.grab_frame()

    with writer.saving(figure, str(path), figure.dpi):
        sin_to_cos_lstm.train(iterations, on_step=on_step)
        for _ in range(15):
            writer.grab_frame()


if __name__ == "__main__":
    animate(NOTES / "figures" / "sin_to_cos_lstm.gif")
