"""Numbers of notes/char_rnn.md that its commands do not print."""
import collections

import measure
import numpy as np

import char_rnn as script

SHORT = 750
SEEDS = range(4)


def the_text():
    """The default text, and what counts of more and more characters reach on the part that is kept out."""
    text = script.read_text()
    learn, kept_out = script.split(text)
    bits = {n: script.count_bits(learn, kept_out, n) for n in range(1, 7)}
    lines = {line for line in learn.splitlines() if len(line) > 20}
    long = [line for line in kept_out.splitlines() if len(line) > 20]
    return {"characters": len(text), "kinds": len(set(text)), "kept_out_characters": len(kept_out) - 1,
            "windows": len(script.make_windows(learn, sorted(set(text)))[0]),
            "repeated": 100 * sum(line in lines for line in long) / len(long), "best_counts": min(bits.values()),
            "added": min(_add_k(learn, kept_out, k) for k in (1, 0.1, 0.03, 0.01)),
            **{f"counts{n}": value for n, value in bits.items()}}


def _add_k(learn, kept_out, k):
    """Returns bits per character by P(c | ab) = (N(abc) + k) / (N(ab) + k V)."""
    triples = collections.Counter(learn[i:i + 3] for i in range(len(learn) - 2))
    pairs = collections.Counter(learn[i:i + 2] for i in range(len(learn) - 2))
    kinds = len(set(learn + kept_out))
    return float(np.mean([np.log2((pairs[kept_out[i - 2:i]] + k * kinds) / (triples[kept_out[i - 2:i + 1]] + k))
                          for i in range(2, len(kept_out))]))


def default_runs():
    """The default run with 4 seeds."""
    return measure.seeds("char_rnn", [], ["training", "kept_out"], n=len(SEEDS))


def short_runs():
    """A quarter of the default run: as it is, and what each part is worth."""
    text = script.read_text()
    make_windows, step = script.make_windows, script.training_step

    def runs(name, **options):
        return measure.span(name, [script.train(text, SHORT, seed, **options)["kept_out"] for seed in SEEDS])

    def wrapped(part, chars):  # the last target is the first character of its window; the test stays right
        x, y = make_windows(part, chars)
        return [x, np.concatenate([y[:, :, :-1], x[:, :, :1]], axis=2) if len(x) > 100 else y]

    values = {**runs("as_it_is"), **runs("no_dropout", keep_prob=1.0), **runs("half", keep_prob=0.5)}
    try:
        script.training_step = lambda x, y, carry, masks: step(x, y, 0.0 * carry, masks)
        values.update(runs("forgetful"))
        script.training_step, script.make_windows = step, wrapped
        return {**values, **runs("wrapped")}
    finally:
        script.training_step, script.make_windows = step, make_windows
