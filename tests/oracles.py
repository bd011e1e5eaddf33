"""Every cell of the collection in NumPy, forward and backward through time, written from the equations.

    outputs, state, tape = forward("lstm", variables, x, state, "relu")
    d_variables, d_x, d_state = backward("lstm", variables, tape, d_outputs, d_state, "relu")

x and outputs are (batch, time, input or unit). A state is a tuple: (h,) for rnn and gru, (c, h) for the LSTMs, each
(batch, unit). variables are named as TensorFlow names them inside the cell's scope ("kernel", "gates/bias" ...), and
d_anything is the gradient of a number, the loss, with respect to it. All of it is float64.

In the comments v' is the value after a step where v is the one before, [x, h] puts columns side by side, products are
matrix products where a kernel stands and elementwise elsewhere. forget_bias (1.0, as in TensorFlow) is added to the
LSTMs' f before its sigmoid.
"""
import numpy as np

ACTIVATIONS = {  # name -> the function, and its derivative from input and output
    "tanh": (np.tanh, lambda z, a: 1 - a ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(float)),
}


def sigmoid(z):
    """1 / (1 + e^-z)"""
    return 1 / (1 + np.exp(-z))


# basic RNN ----------------------------------------------------------------------
def rnn_step(v, x, state, act, forget_bias):
    h, = state
    # h' = act([x, h] kernel + bias)
    xh = np.concatenate([x, h], axis=1)
    z = xh @ v["kernel"] + v["bias"]
    h = act(z)
    return (h,), (xh, z, h)


def rnn_step_back(v, saved, d_state, slope, d_v):
    xh, z, h = saved
    d_h, = d_state
    d_z = d_h * slope(z, h)
    d_xh = dense_back(v, "kernel", "bias", xh, d_z, d_v)
    n_inputs = xh.shape[1] - h.shape[1]
    return d_xh[:, :n_inputs], (d_xh[:, n_inputs:],)


# LSTM, with peepholes where the variables have them -------------------------------
def lstm_step(v, x, state, act, forget_bias):
    c, h = state
    peephole = {gate: v.get(f"w_{gate}_diag", 0.0) for gate in "ifo"}
    # i, j, f, o = [x, h] kernel + bias
    xh = np.concatenate([x, h], axis=1)
    i, j, f, o = np.split(xh @ v["kernel"] + v["bias"], 4, axis=1)
    # i <- sigmoid(i + w_i_diag c), f <- sigmoid(f + w_f_diag c): these two see the old c
    i = sigmoid(i + peephole["i"] * c)
    f = sigmoid(f + forget_bias + peephole["f"] * c)
    # c' = f c + i act(j)
    a = act(j)
    new_c = f * c + i * a
    # o <- sigmoid(o + w_o_diag c'): this one sees the new c
    o = sigmoid(o + peephole["o"] * new_c)
    # h' = o act(c')
    b = act(new_c)
    return (new_c, o * b), (xh, c, i, j, f, o, a, new_c, b, peephole)


def lstm_step_back(v, saved, d_state, slope, d_v):
    xh, c, i, j, f, o, a, new_c, b, peephole = saved
    d_new_c, d_h = d_state
    # h' = o act(c')
    d_o = d_h * b * o * (1 - o)  # from here on d_o, d_f and d_i belong to what goes into the sigmoid
    d_new_c = d_new_c + d_h * o * slope(new_c, b) + d_o * peephole["o"]
    # c' = f c + i act(j)
    d_f = d_new_c * c * f * (1 - f)
    d_i = d_new_c * a * i * (1 - i)
    d_j = d_new_c * i * slope(j, a)
    d_c = d_new_c * f + d_f * peephole["f"] + d_i * peephole["i"]
    if "w_f_diag" in v:
        d_v["w_f_diag"] += (d_f * c).sum(axis=0)
        d_v["w_i_diag"] += (d_i * c).sum(axis=0)
        d_v["w_o_diag"] += (d_o * new_c).sum(axis=0)
    d_xh = dense_back(v, "kernel", "bias", xh, np.concatenate([d_i, d_j, d_f, d_o], axis=1), d_v)
    n_inputs = xh.shape[1] - c.shape[1]
    return d_xh[:, :n_inputs], (d_c, d_xh[:, n_inputs:])


# LSTM whose input gate is 1 - f ---------------------------------------------------
def coupled_step(v, x, state, act, forget_bias):
    c, h = state
    # j, f, o = [x, h] kernel + bias; f <- sigmoid(f), o <- sigmoid(o)
    xh = np.concatenate([x, h], axis=1)
    j, f, o = np.split(xh @ v["kernel"] + v["bias"], 3, axis=1)
    f, o = sigmoid(f + forget_bias), sigmoid(o)
    # c' = f c + (1 - f) act(j)
    a = act(j)
    new_c = f * c + (1 - f) * a
    # h' = o act(c')
    b = act(new_c)
    return (new_c, o * b), (xh, c, j, f, o, a, new_c, b)


def coupled_step_back(v, saved, d_state, slope, d_v):
    xh, c, j, f, o, a, new_c, b = saved
    d_new_c, d_h = d_state
    d_o = d_h * b * o * (1 - o)
    d_new_c = d_new_c + d_h * o * slope(new_c, b)
    d_f = d_new_c * (c - a) * f * (1 - f)
    d_j = d_new_c * (1 - f) * slope(j, a)
    d_xh = dense_back(v, "kernel", "bias", xh, np.concatenate([d_j, d_f, d_o], axis=1), d_v)
    n_inputs = xh.shape[1] - c.shape[1]
    return d_xh[:, :n_inputs], (d_new_c * f, d_xh[:, n_inputs:])


# GRU as TensorFlow 1 has it: the reset gate is applied to h before the matmul ------
def gru_step(v, x, state, act, forget_bias):
    h, = state
    # r, u = sigmoid([x, h] gates/kernel + gates/bias)
    xh = np.concatenate([x, h], axis=1)
    r, u = np.split(sigmoid(xh @ v["gates/kernel"] + v["gates/bias"]), 2, axis=1)
    # z = [x, r h] candidate/kernel + candidate/bias
    xrh = np.concatenate([x, r * h], axis=1)
    z = xrh @ v["candidate/kernel"] + v["candidate/bias"]
    # h' = u h + (1 - u) act(z): u = 1 keeps the old state
    a = act(z)
    return (u * h + (1 - u) * a,), (xh, h, r, u, xrh, z, a)


def gru_step_back(v, saved, d_state, slope, d_v):
    xh, h, r, u, xrh, z, a = saved
    d_new_h, = d_state
    n_inputs = xh.shape[1] - h.shape[1]
    d_z = d_new_h * (1 - u) * slope(z, a)
    d_xrh = dense_back(v, "candidate/kernel", "candidate/bias", xrh, d_z, d_v)
    d_r = d_xrh[:, n_inputs:] * h * r * (1 - r)
    d_u = d_new_h * (h - a) * u * (1 - u)
    d_xh = dense_back(v, "gates/kernel", "gates/bias", xh, np.concatenate([d_r, d_u], axis=1), d_v)
    d_x = d_xh[:, :n_inputs] + d_xrh[:, :n_inputs]
    return d_x, (d_new_h * u + d_xrh[:, n_inputs:] * r + d_xh[:, n_inputs:],)


# all of them ----------------------------------------------------------------------
CELLS = {"rnn": (rnn_step, rnn_step_back), "lstm": (lstm_step, lstm_step_back),
         "peephole": (lstm_step, lstm_step_back), "coupled": (coupled_step, coupled_step_back),
         "gru": (gru_step, gru_step_back)}


def shapes(cell, n_inputs, n_units):
    """The variables of a cell: name -> shape."""
    rows = n_inputs + n_units
    if cell == "gru":
        return {"gates/kernel": (rows, 2 * n_units), "gates/bias": (2 * n_units,),
                "candidate/kernel": (rows, n_units), "candidate/bias": (n_units,)}
    columns = {"rnn": 1, "lstm": 4, "peephole": 4, "coupled": 3}[cell] * n_units
    names = ["w_f_diag", "w_i_diag", "w_o_diag"] if cell == "peephole" else []
    return dict({"kernel": (rows, columns), "bias": (columns,)}, **dict.fromkeys(names, (n_units,)))


def dense_back(v, kernel, bias, inputs, d_outputs, d_v):
    """outputs = inputs kernel + bias: adds what d_outputs means for both to d_v, and returns d_inputs."""
    d_v[kernel] += inputs.T @ d_outputs
    d_v[bias] += d_outputs.sum(axis=0)
    return d_outputs @ v[kernel].T


def forward(cell, variables, x, state, activation="tanh", forget_bias=1.0):
    """Returns the outputs (batch, time, unit), the final state and the tape that backward() wants."""
    step, _ = CELLS[cell]
    outputs, tape = [], []
    for t in range(x.shape[1]):
        state, saved = step(variables, x[:, t], state, ACTIVATIONS[activation][0], forget_bias)
        outputs.append(state[-1])  # h
        tape.append(saved)
    return np.stack(outputs, axis=1), state, tape


def backward(cell, variables, tape, d_outputs, d_state, activation="tanh"):
    """Returns the gradients with respect to the variables, x and the initial state, from those of what came out."""
    _, step_back = CELLS[cell]
    d_variables = {name: np.zeros_like(value) for name, value in variables.items()}
    d_x = []
    for t in reversed(range(len(tape))):
        d_state = (*d_state[:-1], d_state[-1] + d_outputs[:, t])  # h goes on to the next step, and out
        d_x_t, d_state = step_back(variables, tape[t], d_state, ACTIVATIONS[activation][1], d_variables)
        d_x.append(d_x_t)
    return d_variables, np.stack(d_x[::-1], axis=1), d_state
