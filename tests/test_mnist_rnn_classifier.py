"""The data that are taken and refused, the digits that are drawn, the forward pass, learning and checkpoints."""
import atexit
import gzip
import json
import os
import shutil
import subprocess
import tempfile

import numpy as np
import pytest
from conftest import ROOT

import mnist_rnn_classifier as script

tf = script.tf
FILES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def idx(array):
    """The bytes of an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.astype(np.uint8).tobytes()


def make_arrays(n_train=300, n_test=70):
    """Images of a bright bar, whose place tells the label, on noise."""
    random, arrays = np.random.RandomState(0), []
    for n in (n_train, n_test):
        labels = random.randint(0, 10, n)
        images = random.randint(0, 50, (n, 28, 28))
        for image, label in zip(images, labels):
            image[4 + 2 * label:6 + 2 * label, 5:23] = 255
        arrays += [images.astype(np.uint8), labels.astype(np.uint8)]
    return arrays


def write(folder, arrays, zipped=False):
    os.makedirs(folder, exist_ok=True)
    for name, array in zip(FILES, arrays):
        with (gzip.open if zipped else open)(os.path.join(folder, name + ".gz" * zipped), "wb") as file:
            file.write(idx(array))
    return str(folder)


SMALL = tempfile.mkdtemp("-bars")  # for the contract's short run, which brings no fixtures
atexit.register(shutil.rmtree, SMALL, ignore_errors=True)
write(SMALL, make_arrays())
FEW = ["--data", SMALL, "--iterations", "3"]  # an epoch of 2, and one more


@pytest.fixture
def small():
    return script.load_data(SMALL)


@pytest.fixture
def real():
    if not os.environ.get("MNIST_DIR"):
        pytest.skip("MNIST_DIR is not set: no folder with the four files of MNIST")
    return os.environ["MNIST_DIR"]


def refused(capsys, *flags):
    """Runs main(), which must end with status 2 and one line; returns that line."""
    with pytest.raises(SystemExit) as ended:
        script.main(["--no-plot", *flags])
    shown = capsys.readouterr()
    assert ended.value.code == 2 and not shown.out
    assert len(shown.err.splitlines()) == 1, shown.err
    return shown.err


# data -------------------------------------------------------------------------
@pytest.mark.parametrize("layout", ["plain", "zipped", "npz", "npz file"])
def test_reads_every_layout(layout, tmp_path):
    arrays, path = make_arrays(), tmp_path / "bars.2"
    write(path, arrays, zipped=layout == "zipped")
    if layout.startswith("npz"):
        shutil.rmtree(str(path))
        path.mkdir()
        np.savez(str(path / "mnist.npz"), **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays)))
    data = script.load_data(str(path / "mnist.npz" if layout == "npz file" else path))
    assert data.name == ("mnist" if layout == "npz file" else "bars.2")
    for array, expected in zip(data[1:], arrays):
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, expected)


def replace(k, content):
    def spoil(folder):
        with open(os.path.join(folder, FILES[k]), "wb") as file:
            file.write(content)
    return spoil


def missing(folder):
    os.remove(os.path.join(folder, FILES[2]))


def cut(folder):
    path = os.path.join(folder, FILES[0])
    with open(path, "rb") as file:
        content = gzip.compress(file.read())
    replace(0, content[:len(content) // 2])(folder)


def folder_for_file(folder):
    missing(folder)
    os.mkdir(os.path.join(folder, FILES[2]))


def npz(**changed):
    def spoil(folder):
        arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"), make_arrays()), **changed)
        kept = {key: value for key, value in arrays.items() if value is not None}
        np.savez(os.path.join(folder, "mnist.npz"), **kept)
    return spoil


def cut_npz(folder):
    npz()(folder)
    with open(os.path.join(folder, "mnist.npz"), "r+b") as file:
        file.truncate(20000)


X, Y = make_arrays()[:2]


@pytest.mark.parametrize("spoil, says", [
    (missing, "t10k-images-idx3-ubyte.gz"), (cut, "train-images-idx3-ubyte"), (folder_for_file, FILES[2]),
    (replace(0, idx(X)[:5000]), "header says [300, 28, 28]"), (replace(0, b""), "magic number 0, expected 2051"),
    (replace(0, idx(X)[:7]), "header says"), (replace(0, idx(X) + b"\0"), "header says [300, 28, 28]"),
    (replace(0, b"\0\0\x08\x03" + b"\xff" * 12), "header says [4294967295, 4294967295, 4294967295]"),
    (replace(0, b"\x1f\x8bnot gzip"), FILES[0]), (replace(0, idx(Y)), "magic number 2049, expected 2051"),
    (replace(1, idx(X)), "magic number 2051, expected 2049"), (replace(1, idx(Y[:299])), "labels are (299,)"),
    (replace(1, idx(np.append(Y[:-1], 10))), "labels go from 0 to 10, expected 0 to 9"),
    (replace(2, idx(np.zeros([70, 32, 32]))), "(70, 32, 32)"), (replace(2, idx(X[:0])), "labels are (70,)"),
    (lambda folder: write(folder, make_arrays(149)), "149, expected at least 150"), (cut_npz, "mnist.npz"),
    (lambda folder: os.mkdir(os.path.join(folder, "mnist.npz")), "mnist.npz"), (npz(y_test=None), "y_test"),
    (npz(x_train=X / 255), "float64"), (npz(y_train=Y.astype(float)), "float64"), (npz(x_train=X[:, 0]), "(300, 28)"),
    (npz(y_train=Y.astype(int) - 1), "labels go from -1"), (npz(x_train=np.array(0)), "()"),
    (npz(x_train=np.array([None])), "mnist.npz"), (shutil.rmtree, "bars"),
])
def test_wrong_data_is_one_line_before_training(spoil, says, tmp_path, monkeypatch, capsys):
    folder = write(tmp_path / "bars", make_arrays())
    spoil(folder)
    monkeypatch.setattr(script, "train", None)
    line = refused(capsys, "--data", folder, "--checkpoint", str(tmp_path / "checkpoint"))
    assert says in line and "bars" in line
    assert not (tmp_path / "checkpoint").exists()


def test_keras_download_or_its_absence_is_said(monkeypatch, capsys):
    arrays = make_arrays()

    def download():
        print("Downloading data from somewhere")
        return arrays[:2], arrays[2:]

    monkeypatch.setattr(tf.keras.datasets.mnist, "load_data", download)
    assert script.load_data().name == "MNIST"
    assert capsys.readouterr() == ("", "")

    def fail():
        print("Downloading data from somewhere")
        raise Exception("URL fetch failure\nin detail")

    monkeypatch.setattr(tf.keras.datasets.mnist, "load_data", fail)
    monkeypatch.setattr(script, "DRAWN", (200, 50))
    script.main(["--no-plot", "--no-xla", "--iterations", "1"])
    shown = capsys.readouterr()
    assert len(shown.err.splitlines()) == 1, shown.err
    line = shown.err.strip()
    assert line == "no MNIST, the digits are drawn from Matplotlib's fonts instead: URL fetch failure"
    accuracies = [line for line in shown.out.splitlines() if "ccuracy" in line]
    assert len(accuracies) == 2 and all("drawn digits" in line for line in accuracies)


def test_drawn_digits_are_fixed_by_the_seed(monkeypatch):
    monkeypatch.setattr(script, "DRAWN", (160, 60))
    one, same, other = script.draw_data(1), script.draw_data(1), script.draw_data(2)
    assert [a.shape for a in one[1:]] == [(160, 28, 28), (160,), (60, 28, 28), (60,)]
    assert all(np.array_equal(a, b) for a, b in zip(one[1:], same[1:]))
    assert not any(np.array_equal(a, b) for a, b in zip(one[1:], other[1:]))
    assert script.check(one, "") is one


def test_drawn_digits_of_the_test_are_in_fonts_that_the_training_never_sees(monkeypatch):
    asked = []
    monkeypatch.setattr(script, "draw_digits", lambda fonts, n, seed: asked.append((fonts, n, seed)) or [None] * 2)
    script.draw_data(7)
    assert [call[:2] for call in asked] == [(script.TRAIN_FONTS, 6000), (script.TEST_FONTS, 1000)]
    assert asked[0][2] != asked[1][2]


def test_drawn_digits_look_like_digits():
    assert not set(script.TRAIN_FONTS) & set(script.TEST_FONTS)
    for font in script.TRAIN_FONTS + script.TEST_FONTS:
        images, labels = script.draw_digits([font], 100, 0)
        assert set(labels) == set(range(10))
        assert images[:, 13:15, 13:15].max() == 255 and np.all(images.max(axis=(1, 2)) > 150), "white ink"
        assert images[:, [0, -1]].max() == 0 and images[:, :, [0, -1]].max() == 0, "on black, nothing over the edge"
        outlines = {str(script.TextPath((0, 0), str(digit), prop=script.FontProperties(fname=os.path.join(
            script.matplotlib.get_data_path(), "fonts", "ttf", font + ".ttf"))).vertices) for digit in range(10)}
        assert len(outlines) == 10, "a font without digits draws the same box for all"


def test_drawn_digits_are_upright_and_under_their_labels():
    images, labels = script.draw_digits(["DejaVuSans"], 400, 0)
    means = np.array([images[:200][labels[:200] == digit].mean(axis=0) for digit in range(10)])
    nearest = np.argmin(np.square(images[200:, np.newaxis] - means).sum(axis=(2, 3)), axis=1)
    assert np.mean(nearest == labels[200:]) > 0.6
    assert means[7][:12].sum() > 1.3 * means[7][16:].sum(), "a 7 has its bar at the top"


@pytest.mark.parametrize("cell, size", [("rnn", 150), ("lstm", 100)])
def test_an_epoch_takes_each_image_once(cell, size, small):
    numbered = small._replace(y_train=np.arange(300), x_train=small.x_train)
    epochs = [[script.make_batch(numbered, cell, i, 5) for i in range(e * 300 // size, (e + 1) * 300 // size)]
              for e in range(2)]
    taken = [np.concatenate([y for _, y in epoch]) for epoch in epochs]
    assert all(np.array_equal(np.sort(y), np.arange(300)) for y in taken) and not np.array_equal(*taken)
    x, y = epochs[1][1]
    assert x.shape == (size, 28, 28) and x.dtype == np.float32 and x.min() == 0 and x.max() == 1
    np.testing.assert_allclose(x, numbered.x_train[y] / 255, rtol=1e-6)
    np.testing.assert_array_equal(script.make_batch(numbered, cell, 300 // size + 1, 5)[1], y)
    assert not np.array_equal(script.make_batch(numbered, cell, 300 // size + 1, 6)[1], y)


# graph ------------------------------------------------------------------------
def weights(folder):
    """The newest checkpoint in the folder: name -> array."""
    reader = tf.train.load_checkpoint(folder)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def forward(w, x, cell):
    """The logits, by the equations of the cells in NumPy."""
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    kernel, bias = w[f"rnn/basic_{cell}_cell/kernel"], w[f"rnn/basic_{cell}_cell/bias"]
    h = c = np.zeros([len(x), len(w["fully_connected/weights"])])
    for t in range(28):
        z = np.concatenate([x[:, t], h], axis=1) @ kernel + bias
        if cell == "rnn":
            h = np.tanh(z)
        else:
            i, j, f, o = np.split(z, 4, axis=1)
            c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
            h = sigmoid(o) * np.tanh(c)
    return h @ w["fully_connected/weights"] + w["fully_connected/biases"]


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_numpy_says_the_same(cell, small, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "EVALUATED", 130)
    folder, losses = str(tmp_path), []
    script.train(small, cell, 1, 3, xla=False, checkpoint=folder)
    before = weights(folder)
    longest = np.abs(before["fully_connected/biases"]).max()  # Adam's first step is as long as the learning rate
    assert longest == pytest.approx(script.SETTINGS[cell].learning_rate, rel=1e-3)
    result = script.train(small, cell, 2, 3, checkpoint=folder, on_step=lambda i, loss, _: losses.append((i, loss)))
    x, y = script.make_batch(small, cell, 1, 3)
    logits = forward(before, x, cell)
    loss = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y])
    assert losses == [(1, pytest.approx(loss, rel=1e-5))]
    predictions = forward(weights(folder), small.x_test / 255, cell).argmax(axis=1)
    np.testing.assert_array_equal(result.predictions, predictions)
    assert result.test_accuracy == pytest.approx(np.mean(predictions == small.y_test))
    predictions = forward(weights(folder), small.x_train[:130] / 255, cell).argmax(axis=1)
    assert result.train_accuracy == pytest.approx(np.mean(predictions == small.y_train[:130]))
    assert result.train_accuracy != result.test_accuracy
    assert result.epochs == 2 / (300 // script.SETTINGS[cell].batch_size)


def test_settings_are_those_of_the_notes():
    assert script.SETTINGS["rnn"][:4] == (150, 0.001, 150, 100)
    assert script.SETTINGS["lstm"] == (100, 0.01, 100, None, 8000)


def test_in_top_k_counts_a_tie_as_right():
    with tf.Graph().as_default(), tf.Session() as sess:
        assert sess.run(tf.nn.in_top_k(np.zeros([2, 10], np.float32), [3, 7], 1)).tolist() == [True, True]


def test_xla_changes_no_result(small):
    if not script.XLA:
        pytest.skip("TF 1.15 runs the plain graph")
    losses = {True: [], False: []}
    for xla in losses:
        script.train(small, "lstm", 5, xla=xla, on_step=lambda i, loss, _, xla=xla: losses[xla].append(loss))
    np.testing.assert_allclose(losses[True], losses[False], rtol=1e-4)


# train ------------------------------------------------------------------------
def test_trains_as_long_as_the_notes_and_from_weights_of_the_seed(small, monkeypatch):
    asked = []
    monkeypatch.setattr(script, "steps", lambda iterations, first: asked.append(iterations) or [])
    images = [script.train(small, "rnn", seed=seed, xla=False).predictions.tolist() for seed in (1, 1, 2)]
    assert images[0] == images[1] != images[2]
    script.train(small, "lstm", xla=False)
    assert asked == [100 * 2] * 3 + [8000]  # an epoch of these few images has 2 steps


def test_every_test_image_is_judged(small):
    many = small._replace(x_test=np.repeat(small.x_test, 16, axis=0), y_test=np.repeat(small.y_test, 16))
    one, all_of_them = (script.train(data, "rnn", 0, xla=False) for data in (small, many))  # 70 and 1,120
    np.testing.assert_array_equal(all_of_them.predictions, np.repeat(one.predictions, 16))
    assert all_of_them.test_accuracy == pytest.approx(one.test_accuracy)


def test_flags_reach_the_training(small, monkeypatch):
    asked = []
    result = script.Result(1, 0.5, 0.5, small.y_test)
    monkeypatch.setattr(script, "train", lambda *args: asked.append(args[1:-1]) or result)
    for flags in ([], ["--cell", "lstm", "--epochs", "4", "--seed", "5"], ["--iterations", "9", "--no-xla"]):
        script.main(["--data", SMALL, "--no-plot", *flags])
    assert asked == [("rnn", None, 0, script.XLA, None), ("lstm", 12, 5, script.XLA, None), ("rnn", 9, 0, False, None)]


def mix(data):
    """The same images for the training under labels of other images."""
    return data._replace(y_train=np.random.RandomState(0).permutation(data.y_train))


def test_learns_and_what_it_learns_is_the_labels(small):
    assert script.train(small, "lstm", 90).test_accuracy > 0.8
    assert script.train(mix(small), "lstm", 90, xla=False).test_accuracy < 0.35


def test_reports_at_the_end_of_each_epoch_and_of_the_training(small, capsys):
    returned = script.main(["--no-plot", "--data", SMALL, "--epochs", "2", "--no-xla"])["results"]
    assert [result.epochs for result in returned] == [1, 2]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["0", "1"]
    assert all(os.path.basename(SMALL) in line for line in lines)
    returned = script.main(["--no-plot", *FEW, "--epochs", "7", "--no-xla"])["results"]
    assert [result.epochs for result in returned] == [1, 1.5], "--iterations overrides the epochs"


def test_help_names_no_default_that_is_none(capsys):
    with pytest.raises(SystemExit):
        script.main(["--help"])
    assert "None" not in capsys.readouterr().out


def test_picture_shows_which_digit_is_taken_for_which(small):
    figure = script.plt.Figure(figsize=(11, 4))
    taken_for = small.y_test.astype(int)
    wrong = np.flatnonzero(taken_for == 3)
    taken_for[wrong] = 8
    results = [script.Result(1, 0.5, 0.4, small.y_test), script.Result(2, 0.7, 0.6, taken_for)]
    script.plot_results(figure, {"data": small, "results": results})()
    curves, confusion, mistakes = figure.axes[:3]
    drawn = {line.get_label(): np.transpose(line.get_data()).tolist() for line in curves.lines}
    assert drawn == {"training images": [[1, 0.5], [2, 0.7]], "test images": [[1, 0.4], [2, 0.6]]}
    counts = confusion.images[0].get_array()
    assert counts[3, 8] == counts.sum() == len(wrong) and confusion.get_ylabel() == "is"  # a row is what it is
    assert {text.get_text() for text in mistakes.texts[:len(wrong)]} == {"3, not 8"}
    np.testing.assert_array_equal(mistakes.images[0].get_array()[12:40, 6:34], small.x_test[wrong[0]])


def test_loss_that_is_not_finite_stops_the_run(small, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "scale", lambda images: np.full(images.shape, np.nan))
    with pytest.raises(SystemExit, match="the loss is nan at iteration 0: training stopped"):
        script.train(small, "rnn", 2, xla=False, checkpoint=str(tmp_path / "checkpoint"))
    assert not (tmp_path / "checkpoint").exists()


# checkpoints ------------------------------------------------------------------
def test_resumes_to_the_same_weights(small, tmp_path):
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    script.train(small, "lstm", 7, checkpoint=whole)
    for iterations in (4, 7):
        script.train(small, "lstm", iterations, checkpoint=parts)
    expected, actual = weights(whole), weights(parts)
    assert expected.pop("best_accuracy") <= 1 and actual.pop("best_accuracy") <= 1  # of what was evaluated on the way
    assert expected["global_step"] == 7 and expected.keys() == actual.keys()
    assert all(np.array_equal(actual[name], value) for name, value in expected.items())


@pytest.mark.long
def test_keeps_the_best_and_the_last_and_predicts_from_either(small, tmp_path, capsys):
    folder = tmp_path / "checkpoint"
    flags = ["--no-plot", "--no-xla", "--cell", "lstm", "--data", SMALL, "--checkpoint", str(folder)]
    accuracies = [result.test_accuracy for epochs in ("3", "25")  # the second run goes on where the first one ended
                  for result in script.main([*flags, "--epochs", epochs])["results"]]
    last = script.train(mix(small), "lstm", 120, xla=False, checkpoint=str(folder)).test_accuracy  # it gets worse again
    assert max(accuracies) > last + 0.2
    best = weights(str(folder / "best"))
    assert best["global_step"] == 3 * (1 + np.argmax(accuracies))
    assert best["best_accuracy"] == np.float32(max(accuracies))
    assert weights(str(folder))["global_step"] == 120
    assert len(list((folder / "best").glob("*.index"))) == 1
    before = {path: path.stat().st_mtime for path in folder.rglob("*")}
    for place, accuracy in ((folder, last), (folder / "best", max(accuracies))):
        capsys.readouterr()
        result, = script.main([*flags, "--checkpoint", str(place), "--predict"])["results"]
        assert result.test_accuracy == accuracy
        assert len(capsys.readouterr().out.splitlines()) == 1
    assert {path: path.stat().st_mtime for path in folder.rglob("*")} == before, "nothing is trained, nothing saved"


def test_wrong_checkpoints_are_one_line(small, tmp_path, capsys):
    folder = str(tmp_path / "checkpoint")
    flags = ["--data", SMALL, "--checkpoint", folder]
    assert "--predict: expected --checkpoint DIR" in refused(capsys, "--data", SMALL, "--predict")
    assert folder in refused(capsys, *flags, "--predict")
    assert not os.path.exists(folder)
    script.train(small, "rnn", 1, xla=False, checkpoint=folder)
    assert folder in refused(capsys, *flags, "--cell", "lstm", "--no-xla")
    assert folder in refused(capsys, *flags, "--cell", "lstm", "--no-xla", "--predict")


def test_the_other_tensorflow_predicts_the_same(small, tmp_path, other_python):
    result = script.train(small, "lstm", 6, checkpoint=str(tmp_path))
    code = ("import json, sys, mnist_rnn_classifier as script\n"
            "result = script.train(sys.argv[1], 'lstm', 0, checkpoint=sys.argv[2])\n"
            "print(json.dumps([result.test_accuracy, result.predictions.tolist()]))")
    done = subprocess.run([other_python, "-c", code, SMALL, str(tmp_path)], cwd=str(ROOT), text=True,
                          capture_output=True, check=True)
    assert json.loads(done.stdout) == [result.test_accuracy, result.predictions.tolist()]


# the real digits --------------------------------------------------------------
def test_real_digits_are_learnt(real):
    data = script.load_data(real)
    assert data.x_train.shape == (60000, 28, 28) and data.x_test.shape == (10000, 28, 28)
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9] and data.y_test[:5].tolist() == [7, 2, 1, 0, 4]
    part = data._replace(x_test=data.x_test[:2000], y_test=data.y_test[:2000])
    assert script.train(part, "lstm", 150).test_accuracy > 0.85  # guessing: 0.1
