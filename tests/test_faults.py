"""What real use once turned up: threads, closed streams, ignored signals, odd environments, pipes, notebooks."""
import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from conftest import ROOT, SCRIPTS, few, lines, long, run

import sin_to_cos_lstm

SCRIPT = str(ROOT / "sin_to_cos_lstm.py")
HINT = "no window: --save-plot FILE keeps the picture"
POSIX = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")


@pytest.mark.parametrize("name", SCRIPTS)
def test_trains_in_a_thread(name, small):
    results = []
    thread = threading.Thread(target=lambda: results.append(small(name, *few(name))))
    thread.start()
    thread.join()
    assert results and results[0]


@pytest.mark.parametrize("handler", [None, long(signal.SIG_IGN), long(signal.SIG_DFL)])
def test_a_handler_that_is_not_pythons_own_is_left_alone(handler, monkeypatch):
    def refuse(*_):
        raise AssertionError("the handler belongs to the host")

    monkeypatch.setattr(signal, "getsignal", lambda _: handler)
    monkeypatch.setattr(signal, "signal", refuse)
    assert len(sin_to_cos_lstm.main(["--iterations", "3", "--no-xla"])["costs"]) == 3


@pytest.mark.long
@POSIX
def test_runs_where_streams_are_closed(tmp_path):
    command = f'"{sys.executable}" "{SCRIPT}" --iterations 3 --save-plot {{}} {{}}'
    done = subprocess.run(["bash", "-c", command.format("a.png", "2>&-") + " && " + command.format("b.png", ">&-")],
                          cwd=str(tmp_path), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and "mean cost of the last 3 windows" in done.stdout
    assert all((tmp_path / name).stat().st_size > 10000 for name in ("a.png", "b.png"))


IGNORING = """
import os, runpy, signal, sys, tqdm
signal.signal(signal.SIGINT, signal.SIG_IGN)
tqdm.tqdm.write = lambda line: os.kill(os.getpid(), signal.SIGINT)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.long
@POSIX
def test_sigint_that_the_parent_ignores_stays_ignored(tmp_path):
    done = subprocess.run([sys.executable, "-c", IGNORING, SCRIPT, "--iterations", "25", "--no-plot"],
                          cwd=str(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0 and "of the last 20 windows" in done.stdout and not lines(done.stderr)


@pytest.mark.long
@POSIX
def test_ctrl_c_during_the_import_ends_without_a_traceback(tmp_path):
    process = subprocess.Popen([sys.executable, "-X", "importtime", SCRIPT], cwd=str(tmp_path), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stderr:  # each import that is done is a line
        if "tensorflow.python" in line:
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait() == 130 and "Traceback" not in rest


@pytest.mark.long
@POSIX
def test_a_pipe_whose_reader_has_gone_ends_quietly(tmp_path):
    done = subprocess.run(["bash", "-c", f'"{sys.executable}" -u "{SCRIPT}" --iterations 2000 | head -1'],
                          cwd=str(tmp_path), capture_output=True, text=True)
    assert done.stdout.startswith("cost: ") and lines(done.stderr) == [HINT]


@pytest.mark.long
def test_keras_2_is_used_whatever_the_environment_says(tmp_path):
    done = run("sin_to_cos_lstm", "--iterations", "3", cwd=tmp_path, TF_USE_LEGACY_KERAS="0", MPLBACKEND="nonsense")
    assert done.returncode == 0 and lines(done.stderr) == [HINT], done.stderr


@pytest.mark.long
@pytest.mark.parametrize("backend", ["", "cairo", "svg", "pdf", "TkAgg", "module://matplotlib_inline.backend_inline"])
def test_any_backend_trains_and_saves(backend, tmp_path):
    done = run("sin_to_cos_lstm", "--iterations", "3", cwd=tmp_path, MPLBACKEND=backend)
    assert done.returncode == 0 and lines(done.stderr) == [HINT] and "Figure(" not in done.stdout, done.stderr
    done = run("sin_to_cos_lstm", "--iterations", "3", "--no-plot", "--save-plot", "a.png", cwd=tmp_path,
               MPLBACKEND=backend)
    assert done.returncode == 0 and not lines(done.stderr) and (tmp_path / "a.png").stat().st_size > 10000


EAGER = """
import tensorflow as tf
print(tf.add(1, 1))
import sin_to_cos_lstm, deep_rnn
print(len(sin_to_cos_lstm.main(["--iterations", "3", "--no-plot"])["costs"]))
"""


@pytest.mark.long
def test_a_process_that_used_tensorflow_2_is_told(tmp_path):
    done = subprocess.run([sys.executable, "-c", EAGER], cwd=str(ROOT), capture_output=True, text=True)
    told = [line for line in lines(done.stderr) if "TF 1 mode" in line]
    assert done.returncode == 0 and done.stdout.endswith("3\n") and len(told) == int(sin_to_cos_lstm.XLA), done.stderr


@pytest.mark.parametrize("name", ["手写.PNG", long("a.pdf"), long("a.svg"), long("a.jpg")])
def test_a_picture_of_any_format_and_case_replaces_an_older_one_at_the_end(name, tmp_path, monkeypatch):
    path, train, kept = tmp_path / name, sin_to_cos_lstm.train, []
    path.write_bytes(b"older")
    monkeypatch.setattr(sin_to_cos_lstm, "train", lambda *args: (train(*args), kept.append(path.read_bytes()))[0])
    sin_to_cos_lstm.main(["--iterations", "3", "--no-xla", "--save-plot", str(path)])
    assert kept == [b"older"] and path.stat().st_size > 5000


@pytest.mark.parametrize("name, expected", [("a.foo", r"a\.foo.*expected a name that ends in"),
                                            ("none/a.png", r"none/a\.png.*No such file"), (".", "Is a directory")])
def test_a_picture_that_cannot_be_is_found_before_the_training(name, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sin_to_cos_lstm, "train", None)
    with pytest.raises(SystemExit) as ended:
        sin_to_cos_lstm.main(["--save-plot", name])
    said = capsys.readouterr().err + str(ended.value.code)
    assert re.search(expected, said) and "Traceback" not in said
