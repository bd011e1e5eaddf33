"""What goes into a network: windows and batches of a stream, images; and the state that comes out."""
import numpy as np
from unrolled import network


def stateful_windows(d):
    """sin_to_cos_lstm.py: row b of window i + 1 is row b + 1 of window i, and goes on where row b ended."""
    for i, x in enumerate([185, 375, 565]):
        d.texts(13, (x, 290, f"window {i}"), (x, 118, "⋮"))
        for y, row in [(250, 0), (205, 1), (160, 2), (75, 49)]:
            d.texts(13, (75, y, f"row {row}" if i == 0 else ""))
            first, new = 20 * (row + i), i and row == 49
            d.box(x, y, f"{first} … {first + 19}" + new * "  (new)", "plain" if new else "input", 140, 30)
            if i:
                d.arrows("state", [(x - 120, y), (x - 70, y)])
            if i and row < 2:
                d.arrows("input", [(x - 120, y - 37), (x - 70, y - 8)], dashed=True)
    d.legend(115, 25, "state", "state c, h")
    d.legend(305, 25, "input", "the same 20 samples again", dashed=True)


def text_batches(d):
    """char_rnn.py, with 3 rows instead of 32, and windows of 4 characters instead of 64."""
    text = "to␣be␣or␣not␣to␣be:␣that␣is␣the␣question"
    for row in range(3):
        left, y = 35 + 212 * row, 253 - 78 * row
        d.grid(left, 342, 1, 12, "input", 17, text[12 * row:])
        d.texts(13, (left + 102, 308, f"row {row}"), (40, y - 26, f"row {row}"), (106, y - 12, "x"),
                (106, y - 40, "y"), (168 + 195 * row, 272, f"window {row}"), (681, 338, "…" * (row == 2)))
        for i in range(3):
            x, first = 120 + 195 * i, 12 * row + 4 * i
            d.grid(x, y, 1, 4, "input", 24, text[first:])
            d.grid(x, y - 28, 1, 4, "output", 24, text[first + 1:])
            d.arrows("state", [(x + 96, y - 12), (x + (195 if i < 2 else 145), y - 12)])
    d.legend(120, 20, "state", "state (layer, c/h, row, unit)")


def sliding_windows(d):
    """predict_sin_lstm.py: windows of 20 points and the point after; a batch is 64 of them at random."""
    points = [(113.5 + 17 * t, 270 + 32 * np.sin(0.27 * t)) for t in range(24)]
    d.line(*points, kind="input")
    d.dots("ink", *points)
    for first in range(4):
        y, left = 190 - 38 * first, 105 + 17 * first
        d.texts(13, (54, y - 8, f"window {first}"))
        d.grid(left, y, 1, 20, "input", 17)
        d.grid(left + 340, y, 1, 1, "output", 17)
    d.panel(545, 40, 670, 208)
    d.arrows("ink", [(520, 124), (543, 124)])
    d.texts(13, (54, 30, "⋮"), (275, 208, "x: 20 points"), (454, 208, "y: the next"), (607, 222, "batch 0"),
            (607, 185, "window 4678"), (607, 152, "window 2290"), (607, 119, "window 2857"), (607, 86, "⋮"),
            (607, 56, "64 rows"))


def feeding_back(d):
    """creative_rnn.py: each prediction is the last input of the next window."""
    for step in range(4):
        y, left = 205 - 52 * step, 36 + 16 * step
        d.grid(left, y, 1, 20 - step, "input", 16)
        if step:
            d.grid(left + 16 * (20 - step), y, 1, step, "output", 16)
        d.box(485, y - 8, "network", w=84, h=26)
        d.box(600, y - 8, f"$s_{{{20 + step}}}$", "output", w=56, h=26)
        d.arrows("ink", [(left + 324, y - 8), (441, y - 8)], [(529, y - 8), (570, y - 8)])
        if step < 3:
            d.arrows("output", [(600, y - 23), (600, y - 34), (left + 328, y - 34), (left + 328, y - 50)])
    d.texts(13, (196, 226, "the last 20 values"), (600, 226, "the next value"), (44, 18, "⋮"), (600, 18, "⋮"))


def state_shape(d):
    """Two LSTM layers of 20 units over 64 sequences of 20 and of 30 steps: the state has the same shape."""
    d.texts(13, (190, 330, "outputs (batch, time, unit)"), (547, 330, "state (layer, c/h, batch, unit)"))
    for y, steps in (245, 20), (85, 30):
        last = 96.5 + 7 * steps
        d.grid(100, y + 35, 1, steps, "output", 7, tall=70)
        d.grid(last - 3.5, y + 35, 1, 1, "state", 7, tall=70)
        d.texts(13, (50, y, f"{steps} steps"), (150, y + 52, f"(64, {steps}, 20)"),
                (547, y + 62, "(2, 2, 64, 20)"))
        d.line((last, y - 35), (last, y - 70), (637, y - 70), (637, y - 30), kind="state", dashed=True)
        d.texts(12, (366, y - 60, "outputs[:, −1] = h"), kind="state")
        for layer, x in enumerate([425, 553]):
            d.panel(x, y - 55, x + 115, y + 48)
            d.texts(12, (x + 57, y - 43, f"layer {layer}"))
            d.box(x + 32, y + 6, "$c$", "state", 40, 70)
            d.box(x + 84, y + 6, "$h$", "state", 40, 70)


def image_rows(d):
    """mnist_rnn_classifier.py: an image is a sequence of 28 rows; the last state is classified."""
    d.grid(55, 240, 28, 1, "plain", 196, tall=7)
    d.texts(230, (153, 145, "3"))
    d.texts(13, (153, 25, "28 rows of 28 pixels"), (450, 233, "logits"), (272, 236, "$x_0$"),
            (274, 47, "$x_{27}$"))
    network(d, [(320, "0"), (400, "1"), (480, "2"), (560, "…"), (640, "27")],
            [(60, "input", "$x_{%}$"), (130, "state", "$h_{%}$")])
    d.box(640, 190, "dense", "plain", 60, 30)
    d.arrows("ink", [(640, 147), (640, 175)], [(640, 205), (640, 223)])
    d.grid(480, 243, 1, 10, "output", 20, "0123456789")
