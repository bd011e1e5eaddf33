"""Nothing is lost: Ctrl-C, a closed window, a kill, a full disk, a loss that blows up, a second run, a third main()."""
import contextlib
import gc
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import types

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import ROOT, SCRIPTS, few, files, small, stored
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_contract import source
from test_wrong_use import CHECKPOINTED, flags, tree

import sin_to_cos_lstm
from sin_to_cos_lstm import tf

TRAINING = [name for name in SCRIPTS if "def steps(" in source(name)]
CLOCKS = {"ms", "seconds", "build", "first", "each"}  # results that are times
SHRUNK = {"char_rnn": {"N_UNITS": 12, "BATCH_SIZE": 8, "N_STEPS": 40}}  # what no flag makes small


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, constants in SHRUNK.items():
        for constant, value in constants.items():
            monkeypatch.setattr(importlib.import_module(name), constant, value)


def main(name, *argv):
    return importlib.import_module(name).main([*small(name), "--no-plot", *map(str, argv)])


def iterations(name, n):
    return ["--iterations", str(n)] if "--iterations" in flags(name) else []


def timeless(value):
    """Results without the times in them."""
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if key not in CLOCKS}
    return [timeless(part) for part in value] if isinstance(value, (list, tuple)) else value


def final_weights(module, monkeypatch):
    """Returns a list that gets all variables of a training as its steps end."""
    weights, steps = [], module.steps

    def watched(*args):
        yield from steps(*args)
        sess = tf.get_default_session()
        weights.append(sess.run({v.op.name: v for v in tf.global_variables()}) if sess else None)

    monkeypatch.setattr(module, "steps", watched)
    return weights


# again and again --------------------------------------------------------------
def left_behind():
    """What a run could leave in the process: open figures, graphs, sessions, threads, and kB of memory."""
    gc.collect()
    alive = [type(thing) for thing in gc.get_objects() if isinstance(thing, (tf.Graph, tf.Session))]
    status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""  # noqa: SIM115
    threads, memory = (int(re.search(rf"{key}:\s*(\d+)", status).group(1)) if status else 0
                       for key in ("Threads", "VmRSS"))
    return {"figures": plt.get_fignums(), "backend": plt.get_backend(), "alive": len(alive), "threads": threads,
            "Python threads": threading.active_count(), "handler": signal.getsignal(signal.SIGINT)}, memory


@pytest.mark.parametrize("name", [name if name in ("simple_rnn", "time_series_rnn") else
                                  pytest.param(name, marks=pytest.mark.long) for name in SCRIPTS])
def test_three_times_in_one_process(name, tmp_path, monkeypatch, capsys):
    module, outs, results, left, memory = importlib.import_module(name), [], [], [], []
    weights = final_weights(module, monkeypatch) if name in TRAINING else []
    picture = tmp_path / "picture.png"
    for shown in (["--save-plot", str(picture)], ["--no-plot"], ["--no-plot"]):
        results.append(timeless(module.main([*few(name), "--seed", "7", *shown])))
        outs.append(re.sub(r"\d+(\.\d+)? (ms|s)\b", "", capsys.readouterr().out))
        left.append(left_behind()[0])
        memory.append(left_behind()[1])
    assert outs[0] == outs[1] == outs[2]
    assert picture.read_bytes().startswith(b"\x89PNG")
    np.testing.assert_equal(results[0], results[1])
    np.testing.assert_equal(results[1], results[2])
    trainings = len(weights) // 3
    np.testing.assert_equal(weights[:trainings], weights[trainings:2 * trainings])
    np.testing.assert_equal(weights[trainings:2 * trainings], weights[2 * trainings:])
    assert left[1] == left[2] and left[0]["figures"] == left[2]["figures"]
    assert memory[2] - memory[1] < 50000, memory  # kB; what the allocator keeps goes up and down by 40 MB


@pytest.mark.long
@pytest.mark.skipif(not sin_to_cos_lstm.XLA, reason="TF 1.15 runs the plain graph")
@pytest.mark.parametrize("name", [name for name in TRAINING if "--no-xla" in flags(name)])
def test_xla_changes_no_number(name, monkeypatch, capsys):
    module = importlib.import_module(name)
    weights, results = final_weights(module, monkeypatch), []
    argv = [flag for flag in small(name) if flag != "--no-xla"] + ["--iterations", "20"]
    for more in ([], ["--no-xla"]):
        results.append(timeless(module.main([*argv, "--no-plot", *more])))
    if name == "static_vs_dynamic_rnn":  # its table tells one from the other
        losses = {label: rows[0]["loss"] for label, rows in results[0]["table"].items()}
        assert len(losses) == 6 and max(losses.values()) - min(losses.values()) < 1e-4
        return
    if name == "predict_sin_lstm":
        weights = [results[0]["prediction"], results[1]["prediction"]]
    with_xla, without = weights
    for key in [key for key in with_xla if "Adam" not in key] if isinstance(with_xla, dict) else [...]:
        np.testing.assert_allclose(with_xla[key], without[key], rtol=1e-4, atol=1e-4, err_msg=str(key))


# Ctrl-C and the window --------------------------------------------------------
def press(module, monkeypatch, at, times=1):
    """Presses Ctrl-C in a step; returns the list of the steps that are begun."""
    begun, steps = [], module.steps

    def pressed(*args):
        for i in steps(*args):
            for _ in range(times if len(begun) == at else 0):
                os.kill(os.getpid(), signal.SIGINT)
            begun.append(i)
            yield i

    monkeypatch.setattr(module, "steps", pressed)
    return begun


@pytest.mark.parametrize("name", TRAINING)
def test_ctrl_c_ends_the_training_and_goes_on_to_the_results(name, tmp_path, monkeypatch, capsys):
    handler = signal.getsignal(signal.SIGINT)
    begun = press(importlib.import_module(name), monkeypatch, at=1)
    kept = ["--checkpoint", tmp_path / "model"] if name in CHECKPOINTED else []
    assert main(name, "--iterations", "40", *kept)
    assert begun == [0, 1]
    assert capsys.readouterr().out.strip()
    assert signal.getsignal(signal.SIGINT) == handler
    if kept:
        assert stored(files(name, tmp_path / "model"))["global_step"] == 2


@pytest.mark.parametrize("name", ["sin_to_cos_lstm", "predict_sin_lstm"])
def test_a_second_ctrl_c_quits(name, monkeypatch, capsys):
    handler = signal.getsignal(signal.SIGINT)
    press(importlib.import_module(name), monkeypatch, at=1, times=2)
    with pytest.raises(KeyboardInterrupt):
        main(name, "--iterations", "40")
    assert "mean cost" not in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) == handler


# runs a script as a reader does, with Ctrl-C pressed as the first line of its training is written
PRESSED = """
import os, runpy, signal, sys, tqdm
presses, *sys.argv = sys.argv[1:]
tqdm.tqdm.write = lambda line: [os.kill(os.getpid(), signal.SIGINT) for _ in range(int(presses))]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("presses, status", [(1, 0), (2, 130)])
def test_exit_status_of_ctrl_c(presses, status, tmp_path):
    done = subprocess.run([sys.executable, "-c", PRESSED, str(presses), str(ROOT / "deep_rnn.py"), *small("deep_rnn"),
                           "--no-plot", "--checkpoint", "model"], cwd=str(tmp_path), capture_output=True, text=True)
    assert done.returncode == status and not done.stderr, done
    assert ("MSE on the 100 points" in done.stdout) == (status == 0)
    if status == 0:
        assert stored(tmp_path / "model")["global_step"] == 1


@pytest.fixture
def window(monkeypatch):
    """A backend with windows that nobody sees; returns what was done with them: draws, and shows that wait."""
    done = {"draws": 0, "shows": 0}

    class Canvas(FigureCanvasAgg):
        required_interactive_framework = "headless"  # what Matplotlib finds without a display

        def start_event_loop(self, timeout=0):
            done["draws"] += 1
            if done["draws"] == done.get("close at"):
                plt.close(self.figure)

    def show(*args, block=None, **kwargs):
        done["shows"] += block is not False

    backend = types.ModuleType("window_that_nobody_sees")
    backend.FigureCanvas, backend.FigureManager, backend.show = Canvas, FigureManagerBase, show
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    plt.switch_backend(f"module://{backend.__name__}")
    yield done
    plt.close("all")
    plt.switch_backend("agg")


def test_a_closed_window_ends_the_drawing_and_not_the_training(window, tmp_path, capsys):
    argv = ["--iterations", "12", "--no-xla"]
    expected = sin_to_cos_lstm.main(argv)["costs"]
    assert window["draws"] == 12 and window["shows"] == 1 and len(plt.get_fignums()) == 1
    plt.close("all")
    window.update({"draws": 0, "shows": 0, "close at": 3})
    costs = sin_to_cos_lstm.main([*argv, "--save-plot", str(tmp_path / "picture.png")])["costs"]
    assert costs == expected and len(costs) == 12
    assert window["draws"] == 3 and window["shows"] == 0 and not plt.get_fignums()
    assert (tmp_path / "picture.png").stat().st_size > 10000
    assert not capsys.readouterr().err


# a loss that is not finite ----------------------------------------------------
@pytest.mark.parametrize("name", CHECKPOINTED)
def test_a_loss_that_is_not_finite_names_the_iteration_and_keeps_the_checkpoint(name, tmp_path, monkeypatch, capsys):
    module, folder = importlib.import_module(name), tmp_path / "model"
    main(name, "--iterations", "3", "--checkpoint", folder)

    def weights():
        return {path: content for path, content in tree(folder).items() if re.search("index|data|checkpoint$", path)}

    before = weights()
    if name == "mnist_rnn_classifier":
        monkeypatch.setattr(module, "scale", lambda images: np.full(images.shape, np.nan))
    elif name == "predict_sin_lstm":
        good = module.make_batch
        monkeypatch.setattr(module, "make_batch", lambda *args: [np.inf * part for part in good(*args)])
    else:
        monkeypatch.setattr(module, "LEARNING_RATE", np.inf)
    with pytest.raises(SystemExit) as ended:
        main(name, "--iterations", "9", "--checkpoint", folder)
    assert re.fullmatch(r"the loss is (nan|-?inf|not finite) at iteration [34]: training stopped", ended.value.code)
    assert weights() == before  # and a text as the code of SystemExit is one line on stderr and status 1


@pytest.mark.parametrize("name", [name for name in CHECKPOINTED if "def save(" in source(name)])
def test_weights_that_are_not_finite_are_not_saved(name, tmp_path):
    module = importlib.import_module(name)
    with tf.Graph().as_default(), tf.Session() as sess:
        weights = tf.get_variable("weights", initializer=[1.0, 2.0])
        saver = tf.train.Saver()
        sess.run(weights.initializer)
        module.save(sess, saver, str(tmp_path), 1)  # a step may end with such weights, and its loss be a number still
        before = tree(tmp_path)
        weights.load([1.0, np.nan], sess)
        with pytest.raises(SystemExit) as ended:
            module.save(sess, saver, str(tmp_path), 2)
    assert re.match("the weights are not finite after 2 iterations: ", ended.value.code) and tree(tmp_path) == before


# a full disk ------------------------------------------------------------------
@pytest.fixture
def disk(tmp_path):
    """A folder on a small disk of its own; disk.fill(bytes) leaves so many free, disk.clear() makes room again."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
                             stderr=subprocess.DEVNULL) if sys.platform == "linux" else None
    if not mounted or mounted.returncode:
        pytest.skip("a small disk can be mounted by root on Linux only")
    filler = folder / "filler"

    def fill(free=0):
        with contextlib.suppress(OSError), open(str(filler), "wb", buffering=0) as file:
            while file.write(b"\1" * 4096) == 4096:
                pass
        os.truncate(str(filler), max(0, filler.stat().st_size - free))

    yield types.SimpleNamespace(folder=folder, fill=fill, clear=lambda: filler.unlink())
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("name", [name if name == "deep_rnn" else
                                  pytest.param(name, marks=pytest.mark.long) for name in CHECKPOINTED])
def test_a_full_disk_is_one_line_and_leaves_the_checkpoint_before(name, disk, tmp_path, capsys):
    model, whole = disk.folder / "model", tmp_path / "whole"
    main(name, "--iterations", "3", "--checkpoint", model)
    before = stored(files(name, model))
    for free in (0, 8192):
        disk.fill(free)
        with pytest.raises(SystemExit) as ended:
            main(name, "--iterations", "6", "--checkpoint", model)
        assert re.fullmatch(r"--checkpoint '.*model.*' cannot be written.*No space left.*", ended.value.code)
        disk.clear()
        np.testing.assert_equal(stored(files(name, model)), before)
    main(name, "--iterations", "6", "--checkpoint", model)
    for n in (3, 6):
        main(name, "--iterations", n, "--checkpoint", whole)
    np.testing.assert_equal(stored(files(name, model)), stored(files(name, whole)))


def test_a_picture_on_a_full_disk_is_one_line_after_the_results(disk, capsys):
    for suffix, free in (("png", 0), ("png", 8192), ("svg", 0), ("pdf", 0)):
        disk.fill(free)
        path = str(disk.folder / f"picture.{suffix}")
        with pytest.raises(SystemExit) as ended:
            main("sin_to_cos_lstm", "--iterations", "2", "--save-plot", path)
        assert path in ended.value.code and "No space left" in ended.value.code and "\n" not in ended.value.code
        assert "mean cost of the last 2 windows" in capsys.readouterr().out
        disk.clear()


# kills ------------------------------------------------------------------------
# Imports a script once and then forks: a run that is never killed, others that are at random moments, one to the end.
# Prints for each kill the steps that were begun first and last and that of the newest checkpoint; then the first of the
# last run.
NURSERY = """
import importlib, json, os, random, re, signal, sys, time, traceback
name, argv, whole, parts, constants, kills = json.loads(sys.argv[1])
module = importlib.import_module(name)
for constant, value in constants.items():
    setattr(module, constant, value)
steps = module.steps


def begin(folder):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, os.fdopen(reader, "rb")

    def told(*args):
        for i in steps(*args):
            os.write(writer, i.to_bytes(4, "big"))
            yield i

    module.steps, status = told, 1
    try:
        os.dup2(2, 1)
        module.main([*argv, "--checkpoint", folder])
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)


def to_the_end(folder):
    pid, pipe = begin(folder)
    first = int.from_bytes(pipe.read(8)[:4], "big")  # and the second step: the first takes longer than the others
    begun = time.time()
    assert os.waitpid(pid, 0)[1] == 0
    return time.time() - begun, first


seconds, _ = to_the_end(whole)
random.seed(time.time())
lists = os.path.join(parts, "gru" if name == "lstm_peephole_gru" else "", "checkpoint")
for kill in range(kills):
    pid, pipe = begin(parts)
    if kill % 4 != 2:  # else at any moment of the start
        first = pipe.read(8)
        assert len(first) == 8, "it did not start again, or was over before it was killed often enough"
    else:
        first = b""
    time.sleep(random.uniform(0, seconds / kills))
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    begun = first + pipe.read()
    saved = re.search(r'model_checkpoint_path: ".*-(\\d+)"', open(lists).read()) if os.path.exists(lists) else None
    print(json.dumps([int.from_bytes(begun[:4], "big") if begun else None, int.from_bytes(begun[-4:], "big"),
                      int(saved.group(1)) if saved else 0]))
print(json.dumps(to_the_end(parts)[1]))
"""
EVERY = {"mnist_rnn_classifier": 3, "predict_sin_lstm": 3}  # an epoch; else 2
ITERATIONS = {"deep_rnn": 400, "predict_sin_lstm": 400}  # of the quick ones; else 150


def kill(name, kills, n, tmp_path):
    """Kills a script so many times on its way to n iterations; it must not lose more than what is not saved."""
    every = EVERY.get(name, 2)
    constants = dict(SHRUNK.get(name, {}), SAVE_EVERY=every, REPORT_EVERY=every)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = subprocess.run([sys.executable, "-c", NURSERY, json.dumps([
        name, [*small(name), "--no-plot", "--iterations", str(n)], str(whole), str(parts), constants, kills])],
        cwd=str(ROOT), capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr
    *seen, first_of_last = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) == kills and first_of_last == seen[-1][2], (seen, first_of_last)
    before = 0
    for first, last, saved in seen:
        assert first is None or first == before and last // every * every <= saved <= last + 1, seen
        before = saved
    assert kills < 10 or seen[-1][2] > 0, seen  # it was saved before it was killed
    expected, found = (stored(files(name, folder)) for folder in (whole, parts))
    assert expected["global_step"] == n
    np.testing.assert_equal(found, expected)


@pytest.mark.long
def test_killed_twice(tmp_path):
    kill("deep_rnn", 2, 40, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", CHECKPOINTED)
def test_killed_ten_times_it_ends_with_the_same_bits(name, tmp_path):
    kill(name, 10, ITERATIONS.get(name, 150), tmp_path)


# two at once ------------------------------------------------------------------
def at_once(tmp_path, name, *argvs):
    """Runs a script in as many processes at the same time and place; returns what they print."""
    processes = [subprocess.Popen([sys.executable, str(ROOT / f"{name}.py"), *small(name), *argv], cwd=str(tmp_path),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for argv in argvs]
    shown = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), shown
    return [re.sub(r"\S+ (ms|s)\b|\t.*", "", out) for out, _ in shown]


@pytest.mark.long
def test_two_runs_in_one_folder_do_not_disturb_each_other(tmp_path, capsys):
    names = [["--iterations", "30", "--seed", seed, "--save-plot", seed + ".png"] for seed in ("1", "2")]
    first, second = at_once(tmp_path, "sin_to_cos_lstm", *names)
    assert first != second
    for argv, out in zip(names, (first, second)):
        capsys.readouterr()
        main("sin_to_cos_lstm", *argv[:4])
        assert capsys.readouterr().out == out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.png", "2.png"]


@pytest.mark.long
@pytest.mark.parametrize("name", CHECKPOINTED)
def test_two_runs_with_one_checkpoint_folder_leave_a_whole_checkpoint(name, tmp_path, capsys):
    argv = ["--iterations", "30", "--no-plot", "--checkpoint", str(tmp_path / "both")]
    at_once(tmp_path, name, argv, argv)
    at_once(tmp_path, name, [*argv[:-1], str(tmp_path / "alone")])
    np.testing.assert_equal(*(stored(files(name, tmp_path / folder)) for folder in ("both", "alone")))
