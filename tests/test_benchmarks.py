"""The benchmarks: peers that train the script's own model on its batches, and pages that show the stored results."""
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import rows
import run as benchmark
import worker


def test_the_page_shows_the_stored_results():
    results, text = benchmark.load(), benchmark.PAGE.read_text(encoding="utf-8")
    assert list(results) == list(rows.ROWS) and benchmark.filled(text, results) == text
    for name, row in results.items():
        assert list(row["peers"]) == list(worker.PEERS), name
        assert all(peer["low"] <= peer["median"] <= peer["high"] for peer in row["peers"].values())
        if rows.ROWS[name].keep_prob == 1:
            assert all(peer["difference"] <= benchmark.TOLERANCE for peer in row["peers"].values()), name


@pytest.mark.skipif(sys.version_info < (3, 8), reason="PyTorch and JAX run beside today's TensorFlow")
def test_losses_that_differ_are_no_result(monkeypatch):
    def start(peer, row, weights, folder):
        process = type("Process", (), {"wait": int, "stdin": type("Input", (), {"close": int, "write": len,
                                                                                "flush": int})()})()
        return process, {"start": 1, "first": 1, "losses": [10.0, 0.5003 if peer == "jax" else 0.5], "ms": []}

    monkeypatch.setattr(benchmark, "start", start)
    monkeypatch.setattr(benchmark, "listen", lambda *_: [1.0, 2.0, 3.0])
    with pytest.raises(SystemExit, match="the losses differ by 3"):
        benchmark.measure_row("deep", 1, 1)
