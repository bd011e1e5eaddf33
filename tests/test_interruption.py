"""Nothing is lost: Ctrl-C, a closed window, a kill, a full disk, a loss that blows up, a second and a third run."""
import contextlib
import gc
import importlib
import inspect
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
from conftest import CHECKPOINTED, ROOT, SCRIPTS, mostly_long, own, source, stored
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

import sin_to_cos_lstm
from sin_to_cos_lstm import tf

TRAINING = [name for name in SCRIPTS if "in steps(" in source(name)]
TIMES = {"ms", "seconds", "build", "first", "each"}  # results that are times
BEHIND = {"lstm_peephole_gru": "gru"}  # where the checkpoint is in the folder of --checkpoint


def folder_of(name, folder):
    return folder / BEHIND.get(name, "")


def timeless(value):
    """Returns results without the times in them."""
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if not TIMES & set(str(key).split("_"))}
    return [timeless(part) for part in value] if isinstance(value, (list, tuple)) else value


# again and again --------------------------------------------------------------
def left_behind():
    """Returns what a run could leave in the process: figures, graphs, sessions, threads, the handler of Ctrl-C."""
    gc.collect()
    alive = [type(thing) for thing in gc.get_objects() if isinstance(thing, (tf.Graph, tf.Session))]
    return plt.get_fignums(), plt.get_backend(), len(alive), threading.active_count(), signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize("name", mostly_long(SCRIPTS))
def test_three_times_in_one_process(name, tmp_path, small, capsys):
    outs, results, left = [], [], []
    for seed in (7, 7, 7, 8):
        results.append(timeless(small(name, *["--iterations", "3"][:2 * (name in TRAINING)], "--seed", seed,
                                      "--save-plot", tmp_path / "picture.png")))
        outs.append(re.sub(r"\d+(\.\d+)? *(ms|s)\b", "", capsys.readouterr().out))
        left.append(left_behind())
    assert outs[0] == outs[1] == outs[2] != outs[3] and left[1] == left[2] == left[3]
    np.testing.assert_equal(results[0], results[1])
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def losses(result):
    """Returns the lists of losses or costs in what main() returned."""
    if isinstance(result, dict):
        own = [value for key, value in result.items() if key in ("losses", "costs", "forward_only", "bidirectional")]
        return own + [found for value in result.values() for found in losses(value)]
    return []


@pytest.mark.long
@pytest.mark.skipif(not sin_to_cos_lstm.XLA, reason="TF 1.15 runs the plain graph")
@pytest.mark.parametrize("name", [name for name in TRAINING if '"--no-xla"' in source(name)
                                  and name != "bptt_rnn"])  # its exploding RNN turns rounding into other numbers
def test_xla_changes_no_number(name, small, monkeypatch):
    module, found = importlib.import_module(name), []
    train, signature = module.train, inspect.signature(module.train)
    for xla in (True, False):  # small() passes --no-xla

        def told(*args, xla=xla, **options):
            return train(**{**signature.bind(*args, **options).arguments, "xla": xla})

        monkeypatch.setattr(module, "train", told)
        found.append(losses(small(name, "--iterations", "20")))
    assert found[0] or name == "static_vs_dynamic_rnn"
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-4)


# Ctrl-C and the window --------------------------------------------------------
@pytest.mark.parametrize("name", mostly_long(TRAINING, "deep_rnn"))
def test_ctrl_c_ends_the_training_and_goes_on_to_the_results(name, tmp_path, small, monkeypatch, capsys):
    module, begun = importlib.import_module(name), []
    handler, steps = signal.getsignal(signal.SIGINT), module.steps

    def pressed(*args, **options):
        for i in steps(*args, **options):
            begun.append(i)
            if len(begun) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield i

    monkeypatch.setattr(module, "steps", pressed)
    kept = ["--checkpoint", tmp_path / "model"] if name in CHECKPOINTED else []
    assert small(name, "--iterations", "40", *kept)
    shown = capsys.readouterr()
    assert begun[:2] == [0, 1] and shown.out.strip() and "stopped by Ctrl-C after 2 of" in shown.err
    assert signal.getsignal(signal.SIGINT) == handler
    if kept:
        assert stored(folder_of(name, tmp_path / "model"))["global_step"] == 2


@pytest.fixture
def window(monkeypatch):
    """A backend with windows that nobody sees; returns what was done with them: frames, and shows that wait."""
    done = {"frames": 0, "shows": 0}

    class Canvas(FigureCanvasAgg):
        required_interactive_framework = "headless"  # what Matplotlib finds without a display

        def flush_events(self):
            done["frames"] += 1
            if done["frames"] == done.get("close at"):
                plt.close(self.figure)

    def show(*args, block=None, **kwargs):
        done["shows"] += block is True

    backend = types.ModuleType("window_that_nobody_sees")
    backend.FigureCanvas, backend.FigureManager, backend.show = Canvas, FigureManagerBase, show
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    plt.switch_backend(f"module://{backend.__name__}")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a script would switch to it
    yield done
    plt.close("all")
    plt.switch_backend("agg")


def test_a_closed_window_ends_the_drawing_and_not_the_training(window, tmp_path, capsys):
    argv = ["--iterations", "12", "--no-xla"]
    expected = sin_to_cos_lstm.main(argv)["costs"]
    assert window["frames"] == 13 and window["shows"] == 1
    plt.close("all")
    window.update({"frames": 0, "shows": 0, "close at": 3})
    costs = sin_to_cos_lstm.main([*argv, "--save-plot", str(tmp_path / "picture.png")])["costs"]
    assert costs == expected and len(costs) == 12
    assert window["frames"] == 3 and window["shows"] == 0
    assert (tmp_path / "picture.png").stat().st_size > 10000 and not capsys.readouterr().err


# a loss that is not finite, a full disk ---------------------------------------
@pytest.mark.parametrize("name", mostly_long(CHECKPOINTED, "deep_rnn"))
def test_a_loss_that_is_not_finite_names_the_iteration_and_keeps_the_checkpoint(name, tmp_path, small, monkeypatch):
    module, folder = importlib.import_module(name), tmp_path / "model"
    small(name, "--iterations", "3", "--checkpoint", folder)
    before = stored(folder_of(name, folder))
    if isinstance(getattr(module, "LEARNING_RATE", None), float):
        monkeypatch.setattr(module, "LEARNING_RATE", np.inf)
    else:
        monkeypatch.setattr(module, "make_batch", lambda *args, make=module.make_batch: [
            part * np.inf if part.dtype.kind == "f" else part for part in make(*args)])
    with pytest.raises(SystemExit) as ended:
        small(name, "--iterations", "12", "--checkpoint", folder)
    assert re.search(r"the (loss|cost) is (nan|-?inf) at iteration \d+: training stopped|not finite", ended.value.code)
    np.testing.assert_equal(stored(folder_of(name, folder)), before)


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

    yield types.SimpleNamespace(folder=folder, fill=fill, clear=filler.unlink)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.long
def test_a_full_disk_is_one_line_and_leaves_the_checkpoint_before(disk, small):
    model = disk.folder / "model"
    small("deep_rnn", "--iterations", "3", "--checkpoint", model)
    before = stored(model)
    for free in (0, 8192):
        disk.fill(free)
        with pytest.raises(SystemExit) as ended:
            small("deep_rnn", "--iterations", "6", "--checkpoint", model)
        assert re.fullmatch(r"--checkpoint '.*model': cannot be written: \w+Error", ended.value.code)
        disk.clear()
        np.testing.assert_equal(stored(model), before)
    small("deep_rnn", "--iterations", "6", "--checkpoint", model)
    assert stored(model)["global_step"] == 6


# the other TensorFlow ---------------------------------------------------------
OTHER = """
import sys, deep_rnn
deep_rnn.N_LAYERS, deep_rnn.N_UNITS = map(int, sys.argv[2:])
result = deep_rnn.main(["--iterations", "3", "--no-xla", "--no-plot", "--checkpoint", sys.argv[1]])
print(len(result["losses"]), *result["prediction"])
"""


@pytest.mark.long
def test_a_checkpoint_predicts_the_same_on_the_other_tensorflow(other_python, small, tmp_path):
    expected = small("deep_rnn", "--iterations", "3", "--checkpoint", tmp_path)["prediction"]
    sizes = [str(importlib.import_module("deep_rnn").N_LAYERS), str(importlib.import_module("deep_rnn").N_UNITS)]
    environment = {key: value for key, value in os.environ.items() if key != "TF2_BEHAVIOR"}
    done = subprocess.run([other_python, "-c", OTHER, str(tmp_path), *sizes], cwd=str(ROOT), env=environment,
                          stdout=subprocess.PIPE, text=True, check=True)
    trained, *prediction = done.stdout.splitlines()[-1].split()
    assert trained == "0"  # nothing was left to train
    np.testing.assert_allclose(np.array(prediction, float), expected, rtol=1e-5, atol=1e-6)


# kills ------------------------------------------------------------------------
# Imports a script once and forks: a run that is never killed, others that are at random moments, one to the end.
# Prints for each kill the first and last step begun and the step of the newest checkpoint; then the last run's first.
NURSERY = """
import importlib, json, os, random, re, signal, sys, time, traceback
name, argv, whole, parts, constants, kills, behind = json.loads(sys.argv[1])
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

    def told(*args, **options):
        for i in steps(*args, **options):
            os.write(writer, int(i).to_bytes(4, "big"))
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
lists = os.path.join(parts, behind, "checkpoint")
for kill in range(kills):
    pid, pipe = begin(parts)
    first = pipe.read(8) if kill % 4 != 2 else b""  # else at any moment of the start
    time.sleep(random.uniform(0, seconds / kills))
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    begun = first + pipe.read()
    saved = re.search(r'model_checkpoint_path: ".*-(\\d+)"', open(lists).read()) if os.path.exists(lists) else None
    print(json.dumps([int.from_bytes(begun[:4], "big") if begun else None, int.from_bytes(begun[-4:], "big"),
                      int(saved.group(1)) if saved else 0]))
print(json.dumps(to_the_end(parts)[1]))
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.parametrize("name", CHECKPOINTED)
def test_killed_at_any_moment_it_ends_with_the_same_bits(name, tmp_path, kills=5, every=2):
    constants = dict(own(name, "SHRUNK", {}), SAVE_EVERY=every, REPORT_EVERY=every)
    argv = [*own(name, "SMALL_FLAGS", []), "--no-plot", "--iterations", str(own(name, "KILL_AFTER", 150)),
            *own(name, "NO_DROPOUT", []), *(["--no-xla"] if '"--no-xla"' in source(name) else [])]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = subprocess.run([sys.executable, "-c", NURSERY, json.dumps([
        name, argv, str(whole), str(parts), constants, kills, BEHIND.get(name, "")])],
        cwd=str(ROOT), capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr
    *seen, first_of_last = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) == kills and first_of_last == seen[-1][2], (seen, first_of_last)
    before = 0
    for first, last, saved in seen:
        assert first is None or first == before and last // every * every <= saved <= last + 1, seen
        before = saved
    np.testing.assert_equal(stored(folder_of(name, parts)), stored(folder_of(name, whole)))
