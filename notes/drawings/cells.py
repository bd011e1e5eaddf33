"""One time step of each cell; the letters are those of the scripts and of tf.nn.rnn_cell."""
LOW, BUS, GATES, MIDDLE, TOP = 125, 180, 240, 315, 410  # heights: x, [x, h], gates, h or c
CONCAT = r"$i,\ j,\ f,\ o = [x_t, h_{t-1}]\ \mathrm{kernel} + \mathrm{bias}$"


def frame(d, ends, gates, equations):
    """A cell with what enters and leaves (x, y, text), its gates (x, name, formula), and the equations."""
    d.panel(95, 97, 600, 450)
    for x, y, words in [(43, LOW, "$x_t$"), *ends]:
        d.box(x, y, words, {LOW: "input", GATES: "output"}.get(y, "state"), 56)
    d.arrows("state", [(612, ends[-2][1]), (612, GATES), (629, GATES)])
    for x, name, formula in gates:
        kind = "plain" if name == "candidate" else "gate"  # a candidate opens and closes nothing
        d.box(x, GATES, "", kind, 88, 46)
        d.texts(11, (x, GATES + 11, name), kind=kind)
        d.texts(13, (x, GATES - 9, formula))
        d.arrows("ink", [(x, BUS), (x, 217)])
    d.texts(14, *[(40, 73 - 25 * n, equation) for n, equation in enumerate(equations)], align="left")
    d.texts(12, (665, 23, r"$\varphi$ = tanh (default) or relu"), kind="input", align="right")
    d.texts(13, (180, BUS - 17, "$[x_t, h_{t-1}]$"))


def lstm_like(d, forget, store, candidate, show, equations):
    """What the LSTM and its variants share; the formulas of the gates, None for one that is not there."""
    gates = [(200, "forget", forget), (304, "input", store), (400, "candidate", candidate),
             (500, "output", show)]
    frame(d, [(43, BUS, "$h_{t-1}$"), (43, TOP, "$c_{t-1}$"), (657, TOP, "$c_t$"), (657, BUS, "$h_t$"),
              (657, GATES, "output")], [gate for gate in gates if gate[2]], equations)
    d.operators((200, TOP, "×"), (352, TOP, "+"), (352, MIDDLE, "×"), (562, MIDDLE, "×"))
    d.box(562, 362, r"$\varphi$", "plain", 38, 28)
    d.line((71, BUS), (128, BUS), kind="state")
    d.line((128, BUS), (500, BUS))
    d.arrows("ink", [(71, LOW), (128, LOW), (128, BUS)], [(200, 263), (200, 398)], [(352, 327), (352, 398)],
             [(400, 263), (400, MIDDLE), (364, MIDDLE)], [(500, 263), (500, MIDDLE), (550, MIDDLE)],
             [(562, 348), (562, 327)])
    d.arrows("state", [(71, TOP), (188, TOP)], [(212, TOP), (340, TOP)], [(364, TOP), (629, TOP)],
             [(562, TOP), (562, 376)], [(562, 303), (562, BUS), (629, BUS)])
    d.dots("ink", (200, BUS), (400, BUS))
    d.dots("state", (562, TOP), (612, BUS))
    if store:
        d.dots("ink", (304, BUS))
        d.arrows("ink", [(304, 263), (304, MIDDLE), (340, MIDDLE)])


def lstm_cell(d):
    """BasicLSTMCell."""
    lstm_like(d, r"$\sigma(f + 1)$", r"$\sigma(i)$", r"$\varphi(j)$", r"$\sigma(o)$",
              [CONCAT, r"$c_t = \sigma(f + 1) \odot c_{t-1} + \sigma(i) \odot \varphi(j)$",
               r"$h_t = \sigma(o) \odot \varphi(c_t)$"])


def peephole_cell(d):
    """LSTMCell(use_peepholes=True): forget and input gate see the old c, the output gate the new one."""
    lstm_like(d, r"$\sigma(f\!+\!1\!+\!w_f c)$", r"$\sigma(i\!+\!w_i c)$", r"$\varphi(j)$",
              r"$\sigma(o\!+\!w_o c)$",
              [CONCAT,
               r"$c_t = \sigma(f + 1 + w_f \odot c_{t-1}) \odot c_{t-1}"
               r" + \sigma(i + w_i \odot c_{t-1}) \odot \varphi(j)$",
               r"$h_t = \sigma(o + w_o \odot c_t) \odot \varphi(c_t)$"])
    d.arrows("state", [(112, TOP), (112, 285), (180, 285), (180, 263)], [(478, TOP), (478, 263)], dashed=True)
    d.arrows("state", [(180, 285), (284, 285), (284, 263)], dashed=True, over=True)
    d.dots("state", (112, TOP), (478, TOP), (180, 285))


def coupled_cell(d):
    """CoupledLSTMCell of lstm_peephole_gru.py: what it forgets makes room for what it stores."""
    lstm_like(d, r"$\sigma(f + 1)$", None, r"$\varphi(j)$", r"$\sigma(o)$",
              [CONCAT.replace(r"i,\ ", ""),
               r"$c_t = \sigma(f + 1) \odot c_{t-1} + (1 - \sigma(f + 1)) \odot \varphi(j)$",
               r"$h_t = \sigma(o) \odot \varphi(c_t)$"])
    d.operators((276, MIDDLE, "1−"))
    d.dots("ink", (200, MIDDLE))
    d.arrows("ink", [(200, MIDDLE), (264, MIDDLE)], [(288, MIDDLE), (340, MIDDLE)])


def gru_cell(d):
    """GRUCell."""
    kernel = r"\ \mathrm{kernel}_{\mathrm{%s}} + \mathrm{bias}_{\mathrm{%s}})$"
    frame(d, [(43, TOP, "$h_{t-1}$"), (657, TOP, "$h_t$"), (657, GATES, "output")],
          [(205, "reset", "$r$"), (313, "update", "$u$"), (470, "candidate", r"$\tilde{h}$")],
          [r"$r,\ u = \sigma([x_t, h_{t-1}]" + kernel % ("gates", "gates"),
           r"$\tilde{h} = \varphi([x_t, r \odot h_{t-1}]" + kernel % ("candidate", "candidate"),
           r"$h_t = u \odot h_{t-1} + (1 - u) \odot \tilde{h}$"])
    d.texts(13, (525, BUS - 17, r"$[x_t, r \odot h_{t-1}]$"))
    d.operators((205, MIDDLE, "×"), (313, TOP, "×"), (470, TOP, "+"), (392, 362, "1−"), (470, 362, "×"))
    d.line((112, TOP), (112, BUS), (136, BUS), kind="state")
    d.line((136, BUS), (313, BUS))
    d.line((71, LOW), (470, LOW), (470, BUS))
    d.arrows("state", [(71, TOP), (301, TOP)], [(325, TOP), (458, TOP)], [(482, TOP), (629, TOP)],
             [(205, TOP), (205, 327)])
    d.arrows("ink", [(136, LOW), (136, BUS)], [(205, 263), (205, 303)], [(313, 263), (313, 398)],
             [(313, 362), (380, 362)], [(404, 362), (458, 362)], [(470, 263), (470, 350)],
             [(470, 374), (470, 398)])
    d.arrows("ink", [(217, MIDDLE), (392, MIDDLE), (392, BUS), (470, BUS)], over=True)
    d.dots("ink", (136, LOW), (205, BUS), (313, 362))
    d.dots("state", (112, TOP), (205, TOP), (612, TOP))


def rnn_step(d):
    """One step of simple_rnn.py as matrices, with the numbers of its X0; in orange: one unit of one row."""
    parts = [(20, 4, 5, "state", "$h_t$", "batch, unit", (1, 3, 1, 1)),
             (182, 4, 3, "input", "$x_t$", "batch, input", (1, 0, 1, 3)),
             (246, 3, 5, "plain", "$W_x$", "input, unit", (0, 3, 3, 1)),
             (360, 4, 5, "state", "$h_{t-1}$", "batch, unit", (1, 0, 1, 5)),
             (460, 5, 5, "plain", "$W_h$", "unit, unit", (0, 3, 5, 1)),
             (574, 1, 5, "plain", "$b$", "1, unit", (0, 3, 1, 1))]
    for x, rows, columns, kind, name, axes, (row, column, high, wide) in parts:
        d.grid(x, 160, rows, columns, kind, 18, "012345678901" * (kind == "input"))
        d.grid(x + column * 18, 160 - row * 18, high, wide, "gate", 18)
        d.texts(14, (x + columns * 9, 180, name), (x + columns * 9, 48, f"({rows}, {columns})"))
        d.texts(11, (x + columns * 9, 28, axes), kind="input")
    d.texts(16, (121, 124, "="), (156, 124, "tanh("), (348, 124, "+"), (562, 124, "+"), (671, 124, ")"))
