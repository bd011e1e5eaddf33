"""bptt_rnn.py: its backward pass is the derivative, no later step gets a gradient, and open gates recall."""
import numpy as np
import pytest

import bptt_rnn as script

FEW = ["--iterations", "3"]
SHRUNK = {"CELLS": [("rnn", 1), ("gru", 3)], "LAGS": [10, 30]}


@pytest.mark.parametrize("step, n_gates", [(script.rnn_step, 1), (script.lstm_step, 4)])
def test_bptt_against_central_differences(step, n_gates):
    random = np.random.RandomState(1)
    n_columns = n_gates * script.N_UNITS
    arrays = [random.randn(2 + script.N_UNITS, n_columns) / 4, random.randn(n_columns), random.randn(3, 5, 2)]
    d_outputs = random.randn(3, 5, script.N_UNITS)

    def cost(kernel, bias, x):
        h = c = np.zeros([3, script.N_UNITS])
        total = 0
        for t in range(5):
            h, c, _ = step(np.concatenate([x[:, t], h], axis=1) @ kernel + bias, c)
            total += (h * d_outputs[:, t]).sum()
        return total

    gradients = script.bptt(step, *arrays, d_outputs)
    for n, gradient in enumerate(gradients):
        way = random.randn(*gradient.shape)  # the derivative along a random direction
        up, down = [[array + sign * 1e-6 * way if m == n else array for m, array in enumerate(arrays)]
                    for sign in (1, -1)]
        np.testing.assert_allclose((cost(*up) - cost(*down)) / 2e-6, (gradient * way).sum(), rtol=1e-6)


def test_differences_and_gradients_left(capsys):
    differences, left = script.gradients(0)
    assert len(differences) == 6 and max(differences) < 1e-12
    rows = [line.split("]")[1].split("[")[1].split() for line in capsys.readouterr().out.splitlines()[1:]]
    zeros = [[step for step, length in enumerate(row) if float(length) == 0] for row in rows]
    assert zeros == [[], [], [4, 5]] * 2
    left = dict(zip(script.CELLS, left))
    assert {len(curve) for curve in left.values()} == {201}
    assert left["rnn", 0.5][100] < 1e-15 and left["rnn", 2][100] > 1  # vanishes, explodes
    assert left["lstm", 0][100] < 1e-12 < left["lstm", 1][100] < 1e-2 < left["lstm", 3][100] < 100
    assert left["gru", 1][100] < 1e-3 < left["gru", 3][100]


def test_the_value_to_recall_is_the_one_under_the_mark():
    x = script.make_batch(3, 5, 31)
    assert x.shape == (32, 31, 2) and (x[:, 0, 1] == 1).all() and not x[:, 1:, 1].any()
    assert (x == script.make_batch(3, 5, 31)).all() and (x != script.make_batch(4, 5, 31)).any()
    assert x[:, :, 0].std() == pytest.approx(1 / 3 ** 0.5, rel=0.05)  # so a constant guess costs 1/3


@pytest.mark.long
def test_open_gates_recall_what_default_gates_lose():
    costs = script.train(seed=0)[-50:].mean(axis=0).reshape(len(script.LAGS), -1)
    near, _, far = [dict(zip(script.CELLS, row)) for row in costs]
    assert max(near[cell] for cell in script.CELLS[1:]) < 0.1
    assert far["gru", 3] < 0.01 and min(far[cell] for cell in [("rnn", 0.5), ("lstm", 1), ("gru", 1)]) > 0.25
