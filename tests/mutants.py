"""Runs the mutants of tests/mutants.txt, edits that some test must notice. By hand, in no suite: for hours.

    python tests/mutants.py [--missing] [FILE ...]     e.g. deep_rnn.py, or legacy for all of its files

Each edit is made in a copy, and the tests that can see its file run there, the long ones after the others.
Results go to tests/mutants.json; --missing: what has none. Status 1: one survives, or dies despite a reason.
"""
import datetime
import json
import multiprocessing.pool
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
STORED = ROOT / "tests" / "mutants.json"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "figures", "results.json")
TIMEOUT = ["timeout", "--kill-after=9", "1800"]  # seconds; also ends the scripts that a test runs
PORTS = threading.Lock()  # the tests of multi_gpu_rnn.py listen on fixed ones


def judge(row):
    """Returns the row and "survived", "killed by" a test, or "ended with" a status: 124 is the time limit."""
    (file, old, new), stem, text = row[:3], pathlib.Path(row[0]).stem, (ROOT / row[0]).read_text("utf-8")
    tests, chosen = [stem, "contract", "faults", "interruption", "wrong_use"], stem
    if "/" in file:
        tests, chosen = ["legacy", "legacy_seq2seq"], ""
    elif text.index("# the same in every script") < text.index(old):  # also the tests that name no script
        others = " or ".join(path.stem for path in ROOT.glob("*.py") if path.stem != stem)
        chosen = f"not to_the_letter and not ({others})"
    with PORTS if stem == "multi_gpu_rnn" else threading.Lock(), tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(shutil.copytree(str(ROOT), f"{folder}/copy", ignore=LEFT_OUT))
        (copy / file).write_text(text.replace(old, new), "utf-8")
        for marked in ("not long", "long"):
            command = [*TIMEOUT, sys.executable, "-m", "pytest", "-x", "-q", "-m", marked, "-k", chosen]
            done = subprocess.run([*command, *(f"tests/test_{name}.py" for name in tests)], cwd=str(copy),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode not in (0, 5):  # 5: no test is long
                found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
                return row, f"killed by {found.group(1)}" if found else f"ended with {done.returncode}"
    return row, "survived"


if __name__ == "__main__":
    lines = (ROOT / "tests" / "mutants.txt").read_text("utf-8").splitlines()
    table = {" | ".join(line.split(" | ")[:3]): line.split(" | ") for line in lines if line[:1] not in "#"}
    wrong = [key for key, row in table.items() if (ROOT / row[0]).read_text("utf-8").count(row[1]) != 1]
    if wrong:
        sys.exit("\n".join(["the second part must stand once in the file:", *wrong]))
    found = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    stored = {key: found[key] for key in table if key in found}
    names = tuple(name for name in sys.argv[1:] if name != "--missing") or ("",)
    done = stored if "--missing" in sys.argv else {}
    rows = [row for key, row in table.items() if row[0].startswith(names) and key not in done]
    with multiprocessing.pool.ThreadPool(2) as pool:
        for row, result in pool.imap_unordered(judge, rows):
            stored[" | ".join(row[:3])] = f"{datetime.date.today()} {result}"
            STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")
            wrong += [row] if result.startswith("killed") == (len(row) > 3) else []
            print(" | ".join(row), result, sep="\t", flush=True)
    sys.exit(f"{len(wrong)} of {len(rows)} are not as they must be" if wrong else 0)
