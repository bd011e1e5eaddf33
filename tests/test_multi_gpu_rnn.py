"""multi_gpu_rnn: each layer on its own device, the numbers of one device, clusters that end."""
import subprocess
import sys
import threading

import numpy as np
import oracles
import pytest
from conftest import stored

import multi_gpu_rnn as script

FEW = ["--iterations", "3"]
CLUSTER = "--timeout 30 --cluster 127.0.0.1:P1,127.0.0.1:P2,127.0.0.1:P3 --task"
PRODUCTS = [300, 300, 303]  # per layer and time step one forward, two backward; the dense layer adds three


@pytest.fixture(scope="module")
def traced():
    return {placement: script.train(3, placement=placement) for placement in ("per-layer", "per-step")}


@pytest.mark.parametrize("placement, least, most", [("per-layer", 15, 23), ("per-step", 600, 2000)])
def test_each_layer_computes_and_keeps_its_variables_on_its_own_device(traced, placement, least, most):
    work, ops = script.read_trace(traced[placement][3])
    assert [work[device]["matmuls"] for device in script.CPUS] == PRODUCTS
    weights = [102 * 100, 201 * 100, 201 * 100 + 101 + 4 / 3]  # and moments; 4 numbers of Adam's own
    assert [work[device]["bytes of variables"] for device in script.CPUS] == [round(12 * n) for n in weights]
    assert least <= sum(counts["tensors sent"] for counts in work.values()) <= most
    kinds = [[np.sum((ops[:, 1] == k) & (ops[:, 2] == kind)) for k in range(3)] for kind in (1, 2)]
    assert kinds == [[100, 100, 101], [200, 200, 202]] and ops[:, 0].min() == 0


def test_numbers_are_those_of_one_device_and_of_numpy(traced, tmp_path):
    one = script.train(3, devices=["/cpu:0"], checkpoint=str(tmp_path))
    for several in traced.values():
        np.testing.assert_allclose([*several[0], several[1]], [*one[0], one[1]], atol=1e-5)
    w, outputs = stored(tmp_path), script.make_batch()[0]
    alike = np.corrcoef(*(w[f"rnn/multi_rnn_cell/cell_{k}/basic_rnn_cell/kernel"].ravel() for k in (1, 2)))[0, 1]
    assert abs(alike) < 0.1  # layers of one size start with different weights
    for k in range(3):
        cell = {name: w[f"rnn/multi_rnn_cell/cell_{k}/basic_rnn_cell/{name}"] for name in ("kernel", "bias")}
        outputs, _, _ = oracles.forward("rnn", cell, outputs, (np.zeros([1, 100]),))
    error = outputs @ w["dense/kernel"] + w["dense/bias"] - script.series(script.make_batch()[0])
    assert one[1] == pytest.approx(np.mean(error ** 2), rel=1e-4)


def test_layers_that_soft_placement_moves_are_seen(monkeypatch):
    monkeypatch.setattr(script.LocalRNNCell, "call", script.tf.nn.rnn_cell.BasicRNNCell.call)
    work, _ = script.read_trace(script.train(1, placement="per-step")[3])
    assert [counts["matmuls"] for counts in work.values()] != PRODUCTS


def test_a_machine_that_does_not_answer_ends_the_script(monkeypatch, capsys):
    ended = threading.Event()
    monkeypatch.setattr(script.os, "_exit", lambda status: ended.set())
    end = script.watch(["127.0.0.1:1"], 1)  # nobody listens there
    assert ended.wait(30)
    end.set()
    assert "no answer from 127.0.0.1:1 for 1 s" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("port, iterations, dies", [("2731", "3", False), ("2732", "100000", True)])
def test_three_processes_compute_the_same_and_end_when_one_dies(port, iterations, dies, traced):
    flags = f"--no-plot --iterations {iterations} {CLUSTER.replace('P', port)}".split()
    tasks = [subprocess.Popen([sys.executable, "-u", script.__file__, *flags, str(k)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) for k in range(3)]
    try:
        if dies:
            assert tasks[0].stdout.readline().startswith(b"0 \tMSE")
            tasks[1].kill()
        out, err = tasks[0].communicate(timeout=300)
        assert tasks[0].returncode == int(dies) and b"Traceback" not in err
        if not dies:
            assert float(out.splitlines()[-5].split()[-1]) == pytest.approx(traced["per-layer"][1], abs=1e-4)
            assert [task.wait(timeout=100) for task in tasks] == [0, 0, 0]
    finally:
        for task in tasks:
            task.kill()
