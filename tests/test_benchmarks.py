"""The benchmarks: stored results of peers that computed the same, and a page that shows them."""
import sys

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
