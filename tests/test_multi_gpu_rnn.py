"""multi_gpu_rnn: work is done where it was asked for, numbers are those of one device, nobody waits forever."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import ROOT, run

import multi_gpu_rnn as script

tf = script.tf
FEW = ["--iterations", "3"]
LIMIT = 90  # seconds after which a process of the cluster is killed, whatever it does


def wrong(*flags):
    with pytest.raises(SystemExit) as ended:
        script.main(list(flags))
    assert ended.value.code == 2


# where the work is done -------------------------------------------------------
@pytest.fixture(scope="module")
def traced():
    """placement -> losses of three steps, and read_trace() of the fourth."""
    results = {}
    for placement in "per-layer", "per-step":
        losses, loss, metadata = script.train(3, placement=placement)
        results[placement] = (*losses, loss), *script.read_trace(metadata)
    return results


@pytest.mark.parametrize("placement", ["per-layer", "per-step"])
def test_each_layer_multiplies_and_keeps_its_variables_on_its_own_device(traced, placement):
    work = traced[placement][1]
    n, steps = script.N_UNITS, script.N_STEPS
    # forward one product per step, backward two; the dense layer adds three in all
    assert [work[device]["matmuls"] for device in script.CPUS] == [3 * steps, 3 * steps, 3 * steps + 3]
    kernels = [(1 + n) * n, (n + n) * n, (n + n) * n + n]
    biases = [n, n, n + 1]
    adam = 3  # the variable and two moments, of 4 bytes
    expected = [4 * adam * (kernel + bias) for kernel, bias in zip(kernels, biases)]
    expected[-1] += 2 * 4 + 8  # the powers of beta, and the count of the steps
    assert [work[device]["bytes of variables"] for device in script.CPUS] == expected


def test_per_layer_crosses_once_per_layer_and_per_step_at_every_step(traced):
    sequence = 4 * script.N_STEPS * script.N_UNITS  # bytes of all outputs of a layer
    per_layer, per_step = (traced[placement][1] for placement in ("per-layer", "per-step"))
    # the middle layer sends its outputs up and its gradient down; a last state, which nobody reads, goes along
    assert per_layer["/cpu:1"]["tensors sent"] <= 4
    assert 2 * sequence <= per_layer["/cpu:1"]["bytes sent"] < 2.1 * sequence
    assert all(per_step[device]["tensors sent"] >= 2 * script.N_STEPS for device in script.CPUS)
    assert sum(counts["tensors sent"] for counts in per_layer.values()) < 40


def test_a_tensor_that_two_devices_need_is_sent_twice():
    with tf.Graph().as_default(), tf.Session(config=script.config()) as sess:
        with tf.device("/cpu:0"):
            x = tf.placeholder(tf.float32, [5])
            needed = x + 1
        squares = []
        for device in script.CPUS[1:]:
            with tf.device(device):
                squares.append(tf.square(needed))
        metadata = tf.RunMetadata()
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True)
        sess.run(squares, {x: range(5)}, options, metadata)
    work, _ = script.read_trace(metadata)
    assert (work["/cpu:0"]["tensors sent"], work["/cpu:0"]["bytes sent"]) == (2, 2 * 5 * 4)


def test_gradients_on_one_device_and_moved_layers_would_be_seen(monkeypatch):
    minimize = tf.train.AdamOptimizer.minimize
    with monkeypatch.context() as patch:
        patch.setattr(tf.train.AdamOptimizer, "minimize",
                      lambda self, loss, step, colocate_gradients_with_ops: minimize(self, loss, step))
        work, _ = script.read_trace(script.train(1)[2])
        assert work["/cpu:0"]["matmuls"] == script.N_STEPS  # forward only
    monkeypatch.setattr(script.LocalRNNCell, "call", tf.nn.rnn_cell.BasicRNNCell.call)  # the notes' wrapper, repaired
    work, _ = script.read_trace(script.train(1, placement="per-step")[2])
    assert [work[device]["matmuls"] for device in script.CPUS] != [300, 300, 303]


@pytest.mark.parametrize("placement", ["per-layer", "per-step"])
def test_losses_are_those_of_one_device(traced, placement):
    losses, loss, metadata = script.train(3, devices=["/cpu:0"], placement=placement)
    np.testing.assert_allclose(traced[placement][0], [*losses, loss], rtol=0, atol=1e-5)
    work, _ = script.read_trace(metadata)
    assert list(work) == ["/cpu:0"] and work["/cpu:0"]["matmuls"] == 903 and work["/cpu:0"]["tensors sent"] == 0
    np.testing.assert_allclose(traced["per-layer"][0], traced["per-step"][0], rtol=0, atol=1e-5)


def test_two_devices_share_three_layers():
    work, _ = script.read_trace(script.train(1, devices=["/cpu:0", "/cpu:2"])[2])
    assert {device: counts["matmuls"] for device, counts in work.items()} == {"/cpu:0": 600, "/cpu:2": 303}


def test_first_loss_is_the_one_of_numpy():
    """Forward in NumPy, with the weights that TensorFlow drew."""
    with tf.Graph().as_default(), tf.Session(config=script.config()) as sess:
        tf.set_random_seed(0)
        x, y = script.make_batch()
        step = script.training_step(tf.constant(x, tf.float32), tf.constant(y, tf.float32), script.CPUS, "per-step")
        sess.run(tf.global_variables_initializer())
        values = {v.op.name: sess.run(v) for v in tf.trainable_variables()}
        loss = sess.run(step)
    layer = x[0]
    for k in range(script.N_LAYERS):
        kernel, bias = (values[f"rnn/multi_rnn_cell/cell_{k}/basic_rnn_cell/{name}"] for name in ("kernel", "bias"))
        state, outputs = np.zeros(script.N_UNITS), []
        for inputs in layer:
            state = np.tanh(np.concatenate([inputs, state]) @ kernel + bias)
            outputs.append(state)
        layer = np.array(outputs)
    prediction = layer @ values["dense/kernel"] + values["dense/bias"]
    np.testing.assert_allclose(loss, np.mean((prediction - y[0]) ** 2), rtol=1e-5)
    assert np.abs(values["rnn/multi_rnn_cell/cell_1/basic_rnn_cell/kernel"]
                  - values["rnn/multi_rnn_cell/cell_2/basic_rnn_cell/kernel"]).max() > 0.01  # not drawn alike


def test_what_it_trains_on_is_that_of_the_notes():
    x, y = script.make_batch()
    t = np.linspace(0, 15, 101)[:-1]
    np.testing.assert_array_equal(x[0, :, 0], t)
    np.testing.assert_allclose(y[0, :, 0], t * np.sin(t) / 3 + 2 * np.sin(5 * t), rtol=1e-12)


def test_seed_is_that_of_the_first_weights(traced):
    assert script.train(1, seed=1)[0][0] != pytest.approx(traced["per-layer"][0][0], abs=0.01)


def test_what_is_printed_is_of_the_step_and_of_the_placement(traced, capsys):
    work = script.main([*FEW, "--no-plot", "--placement", "per-step"])["work"]
    *losses, loss = traced["per-step"][0]
    _, first, last, header, *rows = capsys.readouterr().out.splitlines()
    assert first == f"0 \tMSE: {losses[0]:.4g}" and last == f"MSE of the trained network: {loss:.6g}"
    assert header.split() == ["device", *" ".join(work["/cpu:0"]).split()]
    assert [row.split() for row in rows] == [[name, *map(str, counts.values())] for name, counts in work.items()]
    assert all(counts["tensors sent"] > 2 * script.N_STEPS for counts in work.values())  # as one loop does


def test_learns():
    losses, loss, _ = script.train(80)
    assert losses[0] > 5 and loss < 1.5  # the variance of the series is about 6
    assert np.var(script.make_batch()[1]) > 5


def test_bars_lie_within_the_step(traced):
    for _, work, bars in traced.values():
        for device, rows in bars.items():
            assert len(rows) == work[device]["ops"] and (rows[:, 1] >= rows[:, 0]).all()
        rows = np.concatenate(list(bars.values()))
        assert 1 < rows[:, 1].max() - rows[:, 0].min() < 60e3  # ms


def test_trace_file_is_for_chrome(tmp_path, capsys):
    path = tmp_path / "trace.json"
    script.main([*FEW, "--no-plot", "--trace", str(path)])
    events = json.loads(path.read_text())["traceEvents"]
    assert sum(event.get("name", "").endswith("MatMul") for event in events) >= 600
    assert {f"device:CPU:{k}" for k in range(3)} <= {word.split(" ")[0].split("/")[-1] for event in events
                                                     for word in [str(event.get("args", {}).get("name"))]}


# devices ----------------------------------------------------------------------
@pytest.mark.parametrize("text, names", [("/gpu:0,/gpu:1", None), ("/cpu:0,/cpu:1", ["/cpu:0", "/cpu:1"]),
                                         ("cpu:2", ["/cpu:2"]), ("/device:CPU:1,/CPU:1", ["/cpu:1", "/cpu:1"])])
def test_names_of_devices(text, names, monkeypatch):
    assert names is None or script.devices(text) == names
    monkeypatch.setattr(script, "gpus", lambda: ["/gpu:0", "/gpu:1"])
    assert script.devices("/device:GPU:1,/gpu:0,/cpu:0") == ["/gpu:1", "/gpu:0", "/cpu:0"]


@pytest.mark.parametrize("text", ["/tpu:0", "/gpu:9", "/cpu:3", ",".join(["/cpu:0"] * 4), "", ",", "cpu", "/cpu:x"])
def test_unknown_devices_are_one_line_that_lists_those_there_are(text, capsys):
    wrong("--devices", text)
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 1 and repr(text) in shown and "/cpu:0, /cpu:1, /cpu:2" in shown


def test_default_devices_are_the_gpus_if_there_are_two(monkeypatch, capsys):
    asked = []

    def train(iterations, seed, devices, placement, target, checkpoint, on_step):
        asked.append(devices)
        on_step(0, 1.0)
        on_step(1, 1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "train", train)
    for n in 0, 1, 2, 5:
        monkeypatch.setattr(script, "gpus", lambda n=n: [f"/gpu:{k}" for k in range(n)])
        with pytest.raises(KeyboardInterrupt):
            script.main(["--no-plot"])
    assert asked == [script.CPUS, script.CPUS, ["/gpu:0", "/gpu:1"], ["/gpu:0", "/gpu:1", "/gpu:2"]]
    stand_ins = [line for line in capsys.readouterr().out.splitlines() if "stand in" in line]
    assert [line.split()[0] for line in stand_ins] == ["no", "1"]  # announced, once


# checkpoints ------------------------------------------------------------------
def test_resumes_bit_for_bit_in_the_other_placement_too(tmp_path):
    folder = str(tmp_path / "run")
    whole, last, _ = script.train(6)
    begun = script.train(3, checkpoint=folder)[0]
    ended, loss, _ = script.train(6, checkpoint=folder)
    assert begun + ended == whole and loss == last
    nothing_left, loss, _ = script.train(6, placement="per-step", devices=["/cpu:0"], checkpoint=folder)
    assert nothing_left == [] and abs(loss - last) < 1e-5


def test_the_other_tensorflow_goes_on_from_the_checkpoint(tmp_path, other_python):
    folder = str(tmp_path / "run")
    loss = script.train(2, checkpoint=folder)[1]
    done = run("multi_gpu_rnn", "--iterations", "2", "--checkpoint", folder, "--no-plot", cwd=str(tmp_path),
               python=other_python)
    assert done.returncode == 0, done.stderr
    shown, = [line for line in done.stdout.splitlines() if line.startswith("MSE")]
    assert abs(float(shown.split()[-1]) - loss) < 1e-4


def test_a_checkpoint_of_something_else_is_refused(tmp_path, capsys):
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "deep_rnn-3"\n')
    wrong("--checkpoint", str(tmp_path), "--no-plot", *FEW)
    assert "deep_rnn-3" in capsys.readouterr().err


# cluster ----------------------------------------------------------------------
def addresses(n):
    """n free ports of this machine, as --cluster takes them."""
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    names = ",".join(f"127.0.0.1:{s.getsockname()[1]}" for s in sockets)
    for s in sockets:
        s.close()
    return names


@pytest.fixture
def start(tmp_path):
    """Returns start(*flags): a process, killed after LIMIT seconds and at the end of the test at the latest."""
    processes = []

    def begin(*flags):
        variables = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
        process = subprocess.Popen([sys.executable, str(ROOT / "multi_gpu_rnn.py"), "--no-plot", *flags],
                                   cwd=str(tmp_path), env=dict(variables, PYTHONUNBUFFERED="1"),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        timer = threading.Timer(LIMIT, process.kill)
        timer.daemon = True
        timer.start()
        processes.append((process, timer))
        return process

    yield begin
    for process, timer in processes:
        timer.cancel()
        process.kill()
        process.communicate()


def cluster(start, n, *flags):
    """Starts the others, then task 0 with the flags; returns task 0 and the others."""
    names = addresses(n)
    others = [start("--cluster", names, "--task", str(task)) for task in range(1, n)]
    return start("--cluster", names, "--task", "0", *flags), others


def until(process, text):
    """Reads stdout up to a line that begins with the text."""
    for line in process.stdout:
        if line.startswith(text):
            return
    raise AssertionError(process.stderr.read())


def test_three_processes_get_the_numbers_of_one(start, traced):
    task_0, others = cluster(start, 3, "--iterations", "3")
    out, err = task_0.communicate()
    assert task_0.returncode == 0 and all(line.startswith("waiting for task") for line in err.splitlines()), err
    lines = out.splitlines()
    mse, = [float(line.split()[-1]) for line in lines if line.startswith("MSE")]
    assert abs(mse - traced["per-layer"][0][-1]) < 1e-5
    matmuls = {line.split()[0]: int(line.split()[2]) for line in lines if line.startswith("/task")}
    assert matmuls == {"/task:0/cpu:0": 300, "/task:1/cpu:0": 300, "/task:2/cpu:0": 303}
    for other in others:
        shown = other.communicate()
        assert other.returncode == 0 and not shown[1], shown


@pytest.mark.long
def test_a_worker_that_dies_ends_the_training_in_one_line_and_a_rerun_resumes(start, tmp_path):
    names, folder = addresses(2), str(tmp_path / "run")
    flags = ["--cluster", names, "--checkpoint", folder]
    worker, task_0 = start(*flags, "--task", "1"), start(*flags, "--task", "0", "--iterations", "100000")
    until(task_0, "100")
    worker.kill()
    started = time.time()
    out, err = task_0.communicate()
    said = [line for line in err.splitlines() if not line.startswith("waiting")]
    assert task_0.returncode == 1 and len(said) == 1 and "task 1 at " + names.split(",")[1] in said[0], err
    assert time.time() - started < LIMIT / 2
    worker, task_0 = start(*flags, "--task", "1"), start(*flags, "--task", "0", "--iterations", "1")
    out, err = task_0.communicate()
    assert task_0.returncode == 0, err
    assert float([line for line in out.splitlines() if line.startswith("MSE")][0].split()[-1]) < 1  # was trained before
    worker.communicate()
    assert worker.returncode == 0


@pytest.mark.long
def test_a_worker_that_is_not_there_is_named_and_not_waited_for_forever(start):
    names = addresses(2)
    task_0 = start("--cluster", names, "--task", "0", "--timeout", "1")
    _, err = task_0.communicate()
    missing = "task 1 at " + names.split(",")[1]
    assert task_0.returncode == 1
    assert err.splitlines() == [f"waiting for {missing}", f"gave up after 1 s: no answer from {missing}"]


@pytest.mark.long
def test_ctrl_c_on_any_ends_cleanly(start):
    task_0, (worker,) = cluster(start, 2, "--iterations", "100000")
    until(task_0, "0")
    task_0.send_signal(signal.SIGINT)
    out, err = task_0.communicate()
    assert task_0.returncode == 0 and "MSE of the trained network" in out and "Traceback" not in err
    assert worker.wait() == 0  # released all the same
    alone = start("--cluster", addresses(2), "--task", "1")
    until(alone, "task 1 serves")
    time.sleep(1)
    alone.send_signal(signal.SIGINT)
    _, err = alone.communicate()
    assert alone.returncode in (-signal.SIGINT, 130) and not err


@pytest.mark.long
def test_a_taken_port_is_one_line(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        names = addresses(1) + f",127.0.0.1:{taken.getsockname()[1]}"
        process = start("--cluster", names, "--task", "1")
        _, err = process.communicate()
    assert process.returncode == 2 and len(err.splitlines()) == 1 and names.split(",")[1] in err


@pytest.mark.parametrize("flags", ["--cluster 127.0.0.1:1,127.0.0.1:2 --task 2", "--cluster 127.0.0.1:1,b:2",
                                   "--task 0", "--cluster a:1,b --task 0", "--cluster a:1,b:0 --task 0",
                                   "--cluster a:1 --task 0",
                                   "--cluster a:1,b:70000 --task 0", "--cluster a:1,a:1 --task 0",
                                   "--cluster a:1,b:2,c:3,d:4 --task 0", "--cluster a:1,b:2 --task -1",
                                   "--cluster a:1,b:2 --task 0 --devices /cpu:0", "--cluster a:1,b:2 --timeout 0",
                                   "--cluster a:1,http://b:2 --task 0", "--placement both"])
def test_wrong_flags_are_one_line(flags, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wrong(*flags.split())
    assert len(capsys.readouterr().err.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_help_warns_of_open_ports(capsys):
    with pytest.raises(SystemExit):
        script.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "no password" in shown and "ALL network interfaces" in shown and "SSH tunnel" in shown
