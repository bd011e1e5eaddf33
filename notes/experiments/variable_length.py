"""What notes/variable_length.md quotes beyond the script's own output."""
import measure

import variable_length as script


def _right(prefix, argv, n=8, **options):
    return measure.named(prefix, measure.seeds("variable_length", argv, ["right"], n, **options))


def default_runs():
    """Held-out sequences right (%), eight seeds: with XLA and on the plain graph; four on TF 1.15."""
    return {**_right("xla", []), **_right("plain", [], xla=False), **_right("tf1", [], 4, tf1=True)}


def without_lengths():
    """The same for an encoder that reads the padding, too."""
    return _right("no_lengths", ["--no-lengths"])


def what_gets_lost():
    """Which sequences an encoder that reads the padding gets wrong, seed 0: how many, with which ending."""
    texts = sum(script.train(no_lengths=True)[1], [])
    wrong = [(read, written) for read, written, wanted in texts if written != wanted]
    shorter = sum(written == read.rstrip("0")[::-1] for read, written in wrong)
    return {"tested": len(texts), "wrong": len(wrong), "shorter": shorter,
            "zeros": sum(read.endswith("0") for read, _ in wrong)}


def orders():
    """Held-out sequences right (%) after 500 iterations: in reverse, and in the order of the input."""
    few = ["--iterations", "500"]
    return {**_right("reverse_500", few), **_right("copy_500", [*few, "--copy"])}
