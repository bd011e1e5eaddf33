"""What the page of char_rnn.py says in numbers."""
import argparse
import collections
import tempfile

import measure
import numpy as np

import char_rnn as script

SHORT = 750
ADDED = (1, 0.1, 0.03, 0.01)


def the_text():
    """The default text, and counts of more characters in a row than three."""
    text = script.read_text()
    learn, kept_out, scored = _parts(text)
    bits = {n: script.count_bits(learn, scored, n) for n in range(1, 7)}
    lines = {line for line in learn.splitlines() if len(line) > 20}
    long = [line for line in kept_out.splitlines() if len(line) > 20]
    rows = [(n, f"{value:.3f}") for n, value in bits.items()]
    rows.insert(3, ("3, adding the best of four constants", f"{min(_add_k(learn, scored, k) for k in ADDED):.3f}"))
    windows = len(script.make_windows(learn, sorted(set(text)))[0])
    enough = 10 * (script.BATCH_SIZE * script.N_STEPS + 1)
    return {"enough": enough, "characters": len(text), "kinds": len(set(text)), "windows": windows,
            "scored": len(scored) - 1, "trigram": bits[3], "best_counts": min(bits.values()),
            "repeated": sum(line in lines for line in long) / len(long),
            "counts_table": measure.table(["characters in a row", "bits per character, text kept out"], rows)}


def _parts(text):
    """Returns the text to train on, the text kept out, and as much of the latter as the network is measured on."""
    learn, kept_out = script.split(text)
    x_test, _ = script.make_windows(kept_out, sorted(set(text)))
    return learn, kept_out, kept_out[:x_test.size + 1]


def _add_k(learn, scored, k):
    """Bits per character by P(c | ab) = (N(abc) + k) / (N(ab) + k V)."""
    triples = collections.Counter(learn[i:i + 3] for i in range(len(learn) - 2))
    pairs = collections.Counter(learn[i:i + 2] for i in range(len(learn) - 2))
    kinds = len(set(learn + scored))
    return np.mean([np.log2((pairs[scored[i - 2:i]] + k * kinds) / (triples[scored[i - 2:i + 1]] + k))
                    for i in range(2, len(scored))])


def another_seed():
    """The default run with seed 1, and what its network writes at three temperatures."""
    with tempfile.TemporaryDirectory() as folder:
        results = script.train(seed=1, checkpoint=folder)
        written = {f"written_{name}": "```text\n" + script.sample(folder, 300, "The ", temperature) + "\n```"
                   for name, temperature in (("safe", 0.5), ("plain", 1.0), ("bold", 1.5))}
    return dict(written, seed1_training=results["training"], seed1_kept_out=results["kept_out"])


def short_runs():
    """A quarter of the default run: three seeds, and with seed 0 what each part is worth."""
    plain = script.make_windows

    def wrapped(text, chars):
        x, y = plain(text, chars)
        return x, np.concatenate([y[:, :, :-1], x[:, :, :1]], axis=2)

    def learn_wrong(*args, **kwargs):
        """Trains on the wrapped targets, and measures on the right ones."""
        calls = []

        def windows(text, chars):
            calls.append(text)
            return (wrapped if len(calls) == 1 else plain)(text, chars)  # the first call is for the text to train on

        script.make_windows = windows
        try:
            return script.train(*args, **kwargs)
        finally:
            script.make_windows = plain

    seeds = [script.train(SHORT, seed=seed)["kept_out"] for seed in range(3)]
    no_dropout = script.train(SHORT, keep_prob=1.0)["kept_out"]
    half = script.train(SHORT, keep_prob=0.5)["kept_out"]
    wrong_targets = learn_wrong(SHORT)["kept_out"]
    step = script.training_step
    script.training_step = lambda x, y, carry, masks, n_chars: step(x, y, 0.0 * carry, masks, n_chars)
    try:
        forgetful = script.train(SHORT)["kept_out"]
    finally:
        script.training_step = step
    rows = [("as it is, seeds 0, 1, 2", ", ".join(f"{bits:.3f}" for bits in seeds)),
            ("`--keep-prob 1`: no dropout", f"{no_dropout:.3f}"),
            ("`--keep-prob 0.5`", f"{half:.3f}"),
            ("every window learns from a memory of zeros (measured with memory)", f"{forgetful:.3f}"),
            ("last target of a window wrapped round to its first character", f"{wrong_targets:.3f}")]
    return {"short": SHORT, "short_seed0": seeds[0], "short_low": min(seeds), "short_high": max(seeds),
            "no_dropout": no_dropout, "half": half, "wrong_targets": wrong_targets, "forgetful": forgetful,
            "short_table": measure.table([f"after {SHORT} iterations", "bits per character, text kept out"], rows)}


def another_text():
    """A short run on a module of the standard library in place of prose."""
    text = script.read_text(argparse.__file__)
    learn, _, scored = _parts(text)
    return {"code_characters": len(text), "code_kept_out": script.train(SHORT, text=text)["kept_out"],
            "code_trigram": script.count_bits(learn, scored, 3)}


def timing_step():
    """ms of a training step: with XLA, without, and on TF 1.15."""
    kwargs = {"iterations": 60}
    plain = dict(kwargs, xla=False)
    took = measure.milliseconds({"xla": ("char_rnn", False, kwargs), "plain": ("char_rnn", False, plain),
                                 "tf1": ("char_rnn", True, plain)})
    return {f"ms_{name}_{key}": value for name, values in took.items() for key, value in values.items()}
