"""The rows in PyTorch: nn.RNN and nn.LSTM where they have the cell, else a loop of its own; fused Adam."""
import math

import numpy as np
import rows
import torch
from torch import nn
from torch.nn import functional as F


def split(kernel, units):
    """TensorFlow's kernel (inputs + units, gates) -> PyTorch's weights (gates, inputs) and (gates, units)"""
    return torch.from_numpy(kernel[:-units].T.copy()), torch.from_numpy(kernel[-units:].T.copy())


def linear(weights, bias):
    layer = nn.Linear(*weights.shape)
    layer.weight.data, layer.bias.data = torch.from_numpy(weights.T.copy()), torch.from_numpy(bias)
    return layer


def fused(row, layers):
    """nn.RNN or nn.LSTM with these weights."""
    units = layers[0]["kernel"].shape[1] // (4 if row.cell == "lstm" else 1)
    kind, options = (nn.LSTM, {}) if row.cell == "lstm" else (nn.RNN, {"nonlinearity": row.activation})
    rnn = kind(len(layers[0]["kernel"]) - units, units, len(layers), batch_first=True,
               dropout=1 - row.keep_prob, **options)
    for n, layer in enumerate(layers):
        kernel, bias = layer["kernel"], layer["bias"]
        if row.cell == "lstm":  # TensorFlow's gates are i, j, f + 1, o; PyTorch's i, f, j, o
            i, j, f, o = np.split(np.arange(4 * units), 4)
            bias = (bias + np.repeat(np.float32([0, 0, 1, 0]), units))[np.r_[i, f, j, o]]
            kernel = kernel[:, np.r_[i, f, j, o]]
        parts = [*split(kernel, units), torch.from_numpy(bias), torch.zeros(len(bias))]
        for name, part in zip(["weight_ih", "weight_hh", "bias_ih", "bias_hh"], parts):
            getattr(rnn, f"{name}_l{n}").data = part
        getattr(rnn, f"bias_hh_l{n}").requires_grad_(False)  # a second bias would learn twice as fast
    return rnn


def run_lstm(z, w_h):
    """Inputs of all gates (time, batch, 4 units), recurrent weights -> outputs (time, batch, unit)"""
    c = h = z.new_zeros(z.shape[1], w_h.shape[1])
    outputs = []
    for z_t in z.unbind(0):
        i, j, f, o = torch.addmm(z_t, h, w_h.t()).chunk(4, 1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.relu(j)
        h = torch.sigmoid(o) * torch.relu(c)
        outputs.append(h)
    return torch.stack(outputs)


def run_peephole(z, w_h, w_f, w_i, w_o):
    """The same, with what the gates see of c, (unit,) each"""
    c = h = z.new_zeros(z.shape[1], w_h.shape[1])
    outputs = []
    for z_t in z.unbind(0):
        i, j, f, o = torch.addmm(z_t, h, w_h.t()).chunk(4, 1)
        c = torch.sigmoid(f + 1 + w_f * c) * c + torch.sigmoid(i + w_i * c) * torch.relu(j)
        h = torch.sigmoid(o + w_o * c) * torch.relu(c)
        outputs.append(h)
    return torch.stack(outputs)


def run_gru(z, w_h, w_candidate):
    """Inputs of both gates and the candidate (time, batch, 3 units) -> outputs (time, batch, unit)"""
    units = w_h.shape[1]
    h = z.new_zeros(z.shape[1], units)
    outputs = []
    for gates, candidate in zip(z[..., :2 * units].unbind(0), z[..., 2 * units:].unbind(0)):
        r, u = torch.sigmoid(torch.addmm(gates, h, w_h.t())).chunk(2, 1)
        h = u * h + (1 - u) * torch.relu(torch.addmm(candidate, r * h, w_candidate.t()))
        outputs.append(h)
    return torch.stack(outputs)


class OwnLayer(nn.Module):
    """A layer that PyTorch has not: LSTM with relu, with peepholes, or a GRU that resets before it multiplies."""

    def __init__(self, layer, run):
        super().__init__()
        if "gates/kernel" in layer:
            units = len(layer["candidate/bias"])
            kernels = [split(layer[name], units) for name in ("gates/kernel", "candidate/kernel")]
            w_x, bias = [k[0] for k in kernels], [layer["gates/bias"], layer["candidate/bias"]]
            recurrent = [k[1] for k in kernels]
        else:
            w, w_h = split(layer["kernel"], len(layer["bias"]) // 4)
            w_x, bias, recurrent = [w], [layer["bias"]], [w_h]
            recurrent += [torch.from_numpy(layer[f"w_{gate}_diag"]) for gate in "fio" if f"w_{gate}_diag" in layer]
        self.w_x, self.bias = nn.Parameter(torch.cat(w_x)), nn.Parameter(torch.from_numpy(np.concatenate(bias)))
        self.recurrent, self.run = nn.ParameterList(recurrent), run

    def forward(self, x):
        z = F.linear(x, self.w_x, self.bias)  # all steps in one product
        return self.run(z.transpose(0, 1), *self.recurrent).transpose(0, 1)


class Model(nn.Module):
    """The stack of a row."""

    def __init__(self, row, weights, compiled=True):
        super().__init__()
        before, layers, after = rows.split_weights(weights)
        self.row = row
        self.before = linear(*before) if before else nn.Identity()
        self.own = row.cell in ("peephole", "gru") or (row.cell, row.activation) == ("lstm", "relu")
        if self.own:
            run = {"lstm": run_lstm, "peephole": run_peephole, "gru": run_gru}[row.cell]
            run = torch.compile(run, dynamic=False) if compiled else run
            self.rnn = nn.Sequential(*(OwnLayer(layer, run) for layer in layers))
        else:
            self.rnn = fused(row, layers)
        self.after = linear(*after)

    def forward(self, x, state=None):
        """(batch, time, input) or codes (batch, time) -> prediction or logits, state"""
        if self.row.loss == "bits":
            x = F.one_hot(x, self.after.out_features).float()
        x = self.before(x)
        outputs, state = (self.rnn(x), None) if self.own else self.rnn(x, state)
        outputs = F.dropout(outputs, 1 - self.row.keep_prob, self.training)
        return self.after(outputs[:, -1] if self.row.loss == "classes" else outputs), state


def compute_loss(prediction, y, kind):
    if kind in ("classes", "bits"):
        return F.cross_entropy(prediction.flatten(0, -2), y.flatten())
    squares = torch.square(prediction - y)
    return squares.mean() if kind == "mean" else squares.sum() / len(y)


def make_step(row, weights, compiled=True):
    """Returns step(i), which trains on batch i and returns the loss."""
    model = Model(row, weights, compiled)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, row.learning_rate, fused=True)
    codes = torch.int64 if row.loss in ("classes", "bits") else torch.float32
    state = None

    def step(i):
        nonlocal state
        x, y = (torch.from_numpy(part) for part in row.batch(i))
        x, y = x.to(torch.int64 if row.loss == "bits" else torch.float32), y.to(codes)
        if row.loss == "bits" and not rows.initial_carry(i):
            state = None  # no memory of the end where the text begins anew
        prediction, final_state = model(x, state)
        loss = compute_loss(prediction, y, row.loss)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if row.clip:
            nn.utils.clip_grad_norm_(parameters, row.clip)
        # TensorFlow adds Adam's epsilon before it corrects v for its start at 0, PyTorch after: this is the same
        optimizer.param_groups[0]["eps"] = 1e-8 / math.sqrt(1 - 0.999 ** (i + 1))
        optimizer.step()
        if row.carried:
            state = tuple(part.detach() for part in final_state)
        if row.fetched:
            prediction.detach().numpy()
        return loss.item() / (math.log(2) if row.loss == "bits" else 1)

    return step
