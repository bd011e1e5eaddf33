"""Networks over time: one column per time step, time from left to right, layers from bottom to top."""


def network(d, columns, rows, w=52, h=34, size=14):
    """Boxes in columns (x, step) and rows (y, kind, text with % for the step), and the arrows between."""
    half = [15 if step == "…" else w / 2 for x, step in columns]
    for row, (y, kind, words) in enumerate(rows):
        for n, (x, step) in enumerate(columns):
            if n and kind == "state":
                d.arrows("state", [(columns[n - 1][0] + half[n - 1], y), (x - half[n], y)])
            if row and step != "…":
                d.arrows("ink", [(x, rows[row - 1][0] + h / 2), (x, y - h / 2)])
            if step == "…":
                d.texts(18, (x, y + 3, step))
            else:
                d.box(x, y, words.replace("%", step), kind, w, h, size)


def unrolled_network(d):
    """A cell with a loop, and the same network with one copy per time step."""
    steps = [(310, "0"), (410, "1"), (510, "2"), (580, "…"), (645, "T-1")]
    for columns in [(70, "t")], steps:
        network(d, columns, [(70, "input", "$x_{%}$"), (145, "state", "$h_{%}$"), (220, "output", "$o_{%}$")])
    for x in 70, 310, 410, 510, 645:
        d.texts(12, (x + 18, 108, "$W_x$"), (x + 22, 183, "$W_{out}$"))
    d.texts(12, (145, 145, "$W_h$"), *[(x, 159, "$W_h$") for x in (260, 358, 458, 550)])
    d.texts(20, (180, 145, "="))
    d.box(222, 145, "0", "plain", 34)
    d.arrows("state", [(239, 145), (284, 145)], [(96, 154), (126, 154), (126, 136), (96, 136)])
    d.texts(14, (350, 27, r"$h_t = \tanh(x_t W_x + h_{t-1} W_h + b) \qquad o_t = h_t W_{out} + b_{out}$"))


def truncated_bptt(d):
    """Three windows: the state goes on to the next one, the gradient does not go back to the one before."""
    d.arrows("state", [(14, 165), (48, 165)])
    for first, name in (62, "i-1"), (284, "i"), (506, "i+1"):
        d.panel(first - 32, 58, first + 182, 318)
        columns = [(first + 50 * k, "") for k in range(4)]
        network(d, columns, [(90, "input", "$x$"), (165, "state", "$h$"), (232, "output", "$o$")], 28, 28, 13)
        d.box(first + 75, 290, f"loss of window ${name}$", "output", 190, 30)
        d.arrows("state", [(first + 164, 165), (first + (208 if first < 500 else 188), 165)])
        for x, _ in columns:
            d.arrows("ink", [(x, 246), (x, 275)])
            d.arrows("gradient", [(x + 9, 275), (x + 9, 246)], [(x + 9, 218), (x + 9, 179)])
        d.arrows("gradient", *[[(x - 14, 155), (x - 36, 155)] for x, _ in columns[1:]])
        d.line((first - 14, 155), (first - 26, 155), kind="gradient")
        d.line((first - 26, 146), (first - 26, 162), kind="gradient", width=2.4)
    d.legend(40, 30, "state", "state, carried on")
    d.legend(260, 30, "gradient", "gradient")
    d.line((460, 21), (460, 39), kind="gradient", width=2.4)
    d.texts(12, (525, 30, "gradient stops here"))


def partial_cost(d):
    """A cost of the last three outputs: where its gradient goes."""
    columns = [(90 + 130 * t, str(t)) for t in range(5)]
    network(d, columns, [(75, "input", "$x_%$"), (145, "state", "$h_%$"), (215, "output", "$o_%$")])
    d.box(480, 280, "$C(o_2, o_3, o_4)$", "output", 320, 30, 14)
    for x, _ in columns[2:]:
        d.arrows("ink", [(x, 232), (x, 265)])
        d.arrows("gradient", [(x + 11, 265), (x + 11, 232)], [(x + 11, 198), (x + 11, 162)])
    d.arrows("gradient", *[[(x - 26, 134), (x - 104, 134)] for x, _ in columns[1:]])
    d.legend(40, 28, "gradient", r"gradient $\partial C / \partial h_t$")


def bidirectional(d):
    """Two cells read from both ends; an output shows which steps its two halves have read."""
    d.texts(13, (64, 115, "0"), (636, 185, "0"), (555, 290, "outputs[:, −1]"),
            (245, 312, "outputs (fw, bw): the steps that each half has read"))
    d.box(655, 115, "state fw", "state", 64, 32)
    d.box(45, 185, "state bw", "state", 64, 32)
    d.arrows("state", [(73, 115), (94, 115)], [(627, 185), (596, 185)], [(142, 185), (77, 185)],
             [(548, 115), (623, 115)])
    for x in 240, 345, 450, 555:
        d.arrows("state", [(x - 112, 115), (x - 41, 115)], [(x + 7, 185), (x - 64, 185)])
    reads = zip(["0", "0–1", "0–2", "0–3", "0–4"], ["0–4", "1–4", "2–4", "3–4", "4"])
    for t, (past, future) in enumerate(reads):
        x = 135 + 105 * t
        d.box(x, 40, f"$x_{t}$", "input", 82, 32)
        for place, y, name, read in (x - 24, 115, "fw", past), (x + 24, 185, "bw", future):
            d.arrows("ink", [(place, 56), (place, y - 16)], [(place, y + 16), (place, 244)], over=True)
            d.box(place, y, name, "state", 34, 32)
            d.box(place, 260, read, "output", 46, 32)


def encoder_decoder(d):
    """The encoder-decoder of variable_length.py: three digits, padded with zeros, are written in reverse."""
    d.panel(12, 45, 290, 308)
    d.panel(345, 45, 688, 308)
    rows = [(80, "input", "%"), (150, "state", "LSTM")]
    decoder = [(388, "EOS"), (474, "4"), (560, "1"), (646, "3")]
    network(d, [(39, "3"), (96, "1"), (153, "4")], rows, 42, size=12)
    network(d, decoder, rows, 44, size=12)
    d.arrows("state", [(174, 150), (366, 150)])
    network(d, [(211, "0"), (262, "0")], [(80, "plain", "%")], 42, size=12)
    d.texts(12, (151, 285, "encoder"), (516, 285, "decoder"), (237, 110, "padding"), (318, 164, "c, h"),
            (151, 28, "sequence_length = 3"))
    for (x, _), written in zip(decoder, ["4", "1", "3", "EOS"]):
        d.arrows("ink", [(x, 167), (x, 203)])
        d.box(x, 220, written, "output", 44)
    for x, _ in decoder[:3]:
        d.arrows("output", [(x + 22, 220), (x + 34, 220), (x + 34, 80), (x + 64, 80)], dashed=True, over=True)
    d.legend(362, 28, "output", "greedy  (training: the target)", dashed=True)


def masks(d, *places):
    """Dropout at x, y: 1 a value that is kept, 0 one that is dropped."""
    for x, y, pattern in places:
        for n, kept in enumerate(pattern):
            d.grid(x - 4.5 * len(pattern) + 9 * n, y + 4.5, 1, 1, "gate" if kept == "1" else "plain", 9)


def deep_dropout(d):
    """deep_rnn.py: a mask on the inputs of each layer, another one at each step; none from step to step."""
    steps = [(165, "0"), (295, "1"), (425, "2"), (555, "3"), (655, "…")]
    network(d, steps, [(62, "input", "$x_%$"), *[(62 + 78 * n, "state", f"$h^{n}_%$") for n in (1, 2, 3)]])
    for n, patterns in enumerate(["1 1 0 1", "110101 011011 101110 111010", "010111 101101 110110 001111"]):
        masks(d, *[(x, 99 + 78 * n, pattern) for (x, _), pattern in zip(steps, patterns.split())])
    d.arrows("ink", *[[(x, 313), (x, 349)] for x, _ in steps[:4]])
    d.box(360, 364, "dense", "output", 460, 30)
    d.texts(13, (60, 140, "layer 1"), (60, 218, "layer 2"), (60, 296, "layer 3"),
            (218, 23, "input · mask / keep_prob"))
    masks(d, (100, 23, "101101"))
    d.legend(395, 23, "state", "state: no mask")


def layers_on_devices(d):
    """multi_gpu_rnn.py, both placements; the number in a cell: the earliest turn in which it can run."""
    for left, wait, crosses in (15, 4, "(batch, time, unit)"), (365, 1, "(batch, unit)"):
        d.texts(13, (left + 160, 290, "--placement " + ("per-step" if wait == 1 else "per-layer")))
        for layer in range(3):
            y = 75 + 85 * layer
            d.panel(left, y - 27, left + 320, y + 27)
            d.texts(13, (left + 34, y, f"/cpu:{layer}"))
            columns = [(left + 85 + 56 * t, str(wait * layer + t + 1)) for t in range(4)]
            network(d, [*columns, (left + 304, "…")], [(y, "state", "%")], 32, 30, 13)
            each_step = [[(x, y - 70), (x, y - 15)] for x, _ in columns]
            paths = each_step if wait == 1 else [[(left + 171, y - 58), (left + 171, y - 27)]]
            if layer:
                d.texts(11, (left + (240 if wait == 4 else 290), y - 43, crosses))
                d.arrows("ink", *paths, width=wait, head=9 + wait)
    d.texts(12, (350, 22, "n: the earliest turn in which a step can run"))
