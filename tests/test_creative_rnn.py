"""creative_rnn.py: the network of time_series_rnn.py, and what is fed back."""
import inspect

import numpy as np
import pytest
from test_time_series_rnn import numpy_predict, weights

import creative_rnn as script
import time_series_rnn

SHRUNK = {"N_UNITS": 8, "N_GENERATED": 20}


@pytest.mark.parametrize("name", ["series", "predict", "compute_loss", "training_step"])
def test_what_both_scripts_have_is_the_same(name):
    assert inspect.getsource(getattr(script, name)) == inspect.getsource(getattr(time_series_rnn, name))


def test_batches_are_the_notes_times_or_windows_of_values():
    x, y = script.make_batch(0, "times")
    assert (x[0, :, 0] == np.arange(20)).all() and (y == script.series(x)).all()
    batches = np.array([script.make_batch(i, "values") for i in range(50)])  # (i, x or y, batch, time, 1)
    assert batches.shape == (50, 2, 20, 20, 1) and (batches[:, 0, :, 1:] == batches[:, 1, :, :-1]).all()
    assert len(np.unique(batches[:, 0, 0, 0])) == 50 and np.abs(batches).max() > 9  # the series grows with t


@pytest.mark.parametrize("inputs, step", [("times", 1), ("values", 0.1)])
def test_each_value_is_the_last_output_for_the_20_before_it(inputs, step):
    seen = []
    _, last = script.train(2, 0, False, inputs, lambda i, loss, generate: seen.append((generate(), weights())))
    assert last.shape == (2, 320) and (last == seen[1][0]).all() and not np.allclose(last, seen[0][0])
    for sequences, w in seen:
        np.testing.assert_allclose(sequences[:, :20], [np.zeros(20), script.series(step * np.arange(20))])
        for n in (20, 21, 45, 319):
            expected = numpy_predict(sequences[:, n - 20:n, np.newaxis], w)[:, -1, 0]
            np.testing.assert_allclose(sequences[:, n], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_fed_with_values_it_goes_on_as_the_series_does():
    truth = script.series(0.1 * np.arange(320))
    _, sequences, mse = script.main(["--inputs", "values", "--iterations", "500", "--no-plot"]).values()
    stands_still = np.abs(truth[19] - truth[20:23]).max()
    assert np.abs(sequences[1] - truth)[20:23].max() < stands_still / 2
    assert mse == pytest.approx(np.mean(np.square(sequences[1] - truth)[20:]))
