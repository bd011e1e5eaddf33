"""mnist_rnn_classifier: files that are taken and refused, drawn digits, the equations, and learning."""
import atexit
import gzip
import os
import shutil
import tempfile

import numpy as np
import oracles
import pytest
from conftest import stored

import mnist_rnn_classifier as script

X, Y, X_TEST, Y_TEST = [a.astype(np.uint8) for a in (*script.draw_digits(450, 0), *script.draw_digits(70, 0))]
NPZ = {"x_train": np.asfortranarray(X), "y_train": Y, "x_test": X_TEST, "y_test": Y_TEST}
SMALL = tempfile.mkdtemp("-digits")
atexit.register(shutil.rmtree, SMALL, ignore_errors=True)
np.savez(os.path.join(SMALL, "mnist.npz"), **NPZ)
FEW = ["--data", SMALL, "--iterations", "3"]
SMALL_FLAGS = ["--data", SMALL, "--cell", "lstm"]
DATA, TRAIN = script.load_data(SMALL), "train-images-idx3-ubyte"


def idx(array, shape=None):
    return bytes([0, 0, 8, array.ndim]) + np.array(shape or array.shape, ">u4").tobytes() + array.tobytes()


@pytest.mark.parametrize("content", [
    b"", idx(X[:0], (450, 2**32 - 1, 28)), idx(X[:0]), idx(X)[:-1], idx(Y), b"\0\0\x09" + idx(X)[3:], "pipe",
    gzip.compress(idx(X) + bytes(10**8)), {"x_train": X / 255}, {"x_train": X[:449]}, {"y_train": Y + 1}],
    ids=str.split("empty count no_images cut labels signed pipe endless fractions one_image_less label_10"))
def test_wrong_files_are_one_line(content, tmp_path):
    if isinstance(content, bytes):
        (tmp_path / TRAIN).write_bytes(content)
    elif isinstance(content, dict):
        np.savez(str(tmp_path / "mnist.npz"), **dict(NPZ, **content))
    elif hasattr(os, "mkfifo"):
        os.mkfifo(str(tmp_path / TRAIN))  # would wait for a writer
    with pytest.raises(SystemExit, match=r"\A--data '.*': expected the files of MNIST: (?!.*-labels-).+\Z"):
        script.load_data(str(tmp_path))


def test_reads_every_layout_and_draws_where_there_is_none(tmp_path, monkeypatch, capsys):
    (tmp_path / (TRAIN + ".gz")).write_bytes(gzip.compress(idx(X)))
    np.testing.assert_array_equal(script.read_idx(str(tmp_path / TRAIN), 3), X)
    assert all(np.array_equal(array, expected) for array, expected in zip(DATA[1:], (X, Y, X_TEST, Y_TEST)))
    monkeypatch.setattr(script.tf.keras.datasets.mnist, "load_data", None)
    data = script.load_data(None, seed=-1)
    assert capsys.readouterr().err.startswith("MNIST cannot be downloaded") and data.name == "drawn digits"
    means = np.array([data.x_train[data.y_train == digit].mean(axis=0) for digit in range(10)])
    nearest = np.square(data.x_test[:, np.newaxis] - means).sum(axis=(2, 3)).argmin(axis=1)
    assert np.mean(nearest == data.y_test) > 0.7, "digits do not look like their labels"


def numpy_logits(w, x, cell):
    """x (batch, 28, 28) from 0 to 1 -> (batch, 10)"""
    state = (np.zeros([len(x), script.N_UNITS[cell]]),) * {"rnn": 1, "lstm": 2}[cell]
    _, state, _ = oracles.forward(cell, {k: w[f"rnn/basic_{cell}_cell/{k}"] for k in ("kernel", "bias")}, x, state)
    return state[-1] @ w["fully_connected/weights"] + w["fully_connected/biases"]


@pytest.mark.parametrize("cell, size, reports", [("rnn", 150, [2]), ("lstm", 100, [])])  # rnn: an epoch has 3 batches
def test_numpy_computes_the_same(cell, size, reports, tmp_path):
    script.train(DATA, cell, 1, 3, xla=False, checkpoint=str(tmp_path))
    w, seen = stored(tmp_path), []
    result = script.train(DATA, cell, 4, 3, False, str(tmp_path), on_step=lambda *step: seen.append(step))
    x, y = script.make_batch(DATA, 1, size, 3)
    z = numpy_logits(w, x, cell)
    assert seen[0][1] == pytest.approx(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(size), y]), rel=1e-5)
    assert [i for i, _, report in seen if report] == reports
    train, test = [numpy_logits(stored(tmp_path), x / 255, cell).argmax(axis=1) for x in (X, X_TEST)]
    np.testing.assert_array_equal(result.predictions, test)
    assert result[1:3] == pytest.approx((np.mean(train == Y), np.mean(test == Y_TEST)))


@pytest.mark.long
def test_learns_the_labels_from_all_images_and_prints_as_the_notes_do(capsys, small):
    result = small("mnist_rnn_classifier", "--iterations", "60")
    first = f"train loss: {result['losses'][0]:.4f} | test accuracy: {result['results'][0].test_accuracy:.2f}"
    assert result["test_accuracy"] > 0.6 and capsys.readouterr().out.splitlines()[1] == first
    shuffled = DATA._replace(y_train=np.random.RandomState(0).permutation(Y))
    assert script.train(shuffled, "lstm", 60, xla=False).test_accuracy < 0.4
    numbered = DATA._replace(y_train=np.arange(450))  # two epochs of three batches
    once, twice = np.reshape([script.make_batch(numbered, i, 150, 5)[1] for i in range(6)], [2, 450])
    assert sorted(once) == sorted(twice) == list(range(450)) and not np.array_equal(once, twice)
