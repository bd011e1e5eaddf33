"""Runs cases on one TensorFlow: python legacy_oracle.py CASES.py OUT.npz. TF 1.15 is the oracle, legacy is
judged by it.

A case is a function that builds a graph from `tf` and returns the tensors to compare, by name. Every variable
gets the same numbers on both sides, made from its name and shape, so a wrong name shows as a wrong value,
too.
"""
import datetime
import importlib.util
import os
import subprocess
import sys
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
STORED = os.path.join(HERE, "legacy_values.npz")


def numbers(name, shape, scale=0.5):
    """Fixed numbers for a variable or an input."""
    return np.random.RandomState(zlib.crc32(name.encode())).uniform(-scale, scale, shape).astype(np.float32)


def evaluate(tf, build):
    """{what: array} of a case: variables' names, tensors, and gradients of their sum."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        tensors = build(tf)
        variables = tf.global_variables()
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer(), tf.tables_initializer()])
        for variable in variables:
            if variable.dtype.base_dtype == tf.float32:
                variable.load(numbers(variable.op.name, variable.shape.as_list()), session)
        floats = [tf.reduce_sum(tensor * tf.cos(tensor)) for tensor in tensors.values()
                  if tensor.dtype == tf.float32]
        trained = tf.trainable_variables()
        if floats and trained:
            gradients = zip(trained, tf.gradients(tf.add_n(floats), trained))
            tensors.update({"gradient of " + v.op.name: tf.convert_to_tensor(g) for v, g in gradients
                            if g is not None})
        values = session.run(tensors)
        values["variables"] = np.array([f"{v.op.name} {v.shape.as_list()}" for v in variables])
    return values


def main(path, out):
    if not sys.version_info < (3, 8):
        sys.path.insert(0, os.path.dirname(HERE))
        import legacy  # noqa: F401
    import tensorflow as tf
    spec = importlib.util.spec_from_file_location("cases", path)
    cases = importlib.util.module_from_spec(spec)
    sys.path.insert(0, HERE)
    spec.loader.exec_module(cases)
    found = {"version": np.array(f"TensorFlow {tf.__version__}, {datetime.date.today()}")}
    for name, build in cases.CASES.items():
        try:
            values = {key: value.astype(str) if value.dtype == object else value
                      for key, value in evaluate(tf, build).items()}
        except Exception as error:
            values = {"error": np.array(f"{type(error).__name__}: {error}")}
        found.update({f"{name}/{key}": value for key, value in values.items()})
    np.savez_compressed(out, **found)


def environment():
    """The environment of a process with the other TensorFlow: without TF 2's TF2_BEHAVIOR, which 1.15 would obey."""
    return dict({key: value for key, value in os.environ.items() if key != "TF2_BEHAVIOR"},
                PYTHONPATH=os.path.dirname(HERE), PYTHONWARNINGS="ignore", TF_CPP_MIN_LOG_LEVEL="3",
                MPLBACKEND="Agg")


def run(python, path, out):
    """All values of a file of cases, from a process of that Python."""
    subprocess.run([python, __file__, str(path), str(out)], check=True, stdin=subprocess.DEVNULL, env=environment())
    with np.load(str(out)) as file:
        return dict(file)


def expected(path, folder):
    """What TF 1.15 says: computed where TF1_PYTHON is set, else as stored."""
    python = os.environ.get("TF1_PYTHON")
    if python:
        return run(python, path, os.path.join(str(folder), "expected.npz"))
    with np.load(STORED) as file:
        return dict(file)


def check(name, wanted, given):
    """Asserts that a case gave the same names, values and gradients, to 1e-6 of the largest."""
    wanted, given = ({key[len(name) + 1:]: value for key, value in values.items() if key.startswith(f"{name}/")}
                     for values in (wanted, given))
    assert "error" not in given, given["error"]
    assert wanted and "error" not in wanted, wanted.get("error")
    assert sorted(wanted["variables"]) == sorted(given["variables"])
    assert sorted(wanted) == sorted(given)
    for key in wanted:
        if key != "variables":
            largest = max(1.0, np.abs(wanted[key]).max()) if wanted[key].dtype.kind == "f" else 1.0
            np.testing.assert_allclose(given[key], wanted[key], rtol=0, atol=1e-6 * largest, err_msg=key)


def store(python, paths):
    """Writes legacy_values.npz: python tests/legacy_oracle.py --store PYTHON_WITH_TF_1.15 CASES.py ..."""
    values = {}
    for path in paths:
        values.update(run(python, path, STORED))
    np.savez_compressed(STORED, **values)


if __name__ == "__main__":
    if sys.argv[1] == "--store":
        store(sys.argv[2], sys.argv[3:])
    else:
        main(*sys.argv[1:])
