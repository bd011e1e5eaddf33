"""The edits of `--report`: what makes a script run on TensorFlow 2 without legacy, line by line.

Names are found in the source; what depends on values, such as the order of arguments, is noted while it runs.
"""

import ast

from . import before_1_0

IMPORT = ('os.environ["TF_USE_LEGACY_KERAS"] = "1"; import tensorflow.compat.v1 as tf; '
          "tf.disable_v2_behavior()")
CORE = ["BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell", "LSTMStateTuple", "MultiRNNCell",
        "DropoutWrapper",
        "DeviceWrapper", "ResidualWrapper", "RNNCell"]
# names of tf.contrib that TensorFlow has elsewhere
TODAY = {
    **{"tf.contrib.rnn." + name: "tf.nn.rnn_cell." + name for name in CORE},
    "tf.contrib.framework.get_global_step": "tf.train.get_global_step",
    "tf.contrib.framework.get_or_create_global_step": "tf.train.get_or_create_global_step",
    "tf.contrib.framework.nest": "tf.nest",
    "tf.contrib.layers.flatten": "tf.layers.flatten",
    "tf.contrib.layers.fully_connected": "tf.layers.dense (with activation=tf.nn.relu, contrib's default)",
    "tf.contrib.layers.l1_regularizer": "tf.keras.regularizers.l1",
    "tf.contrib.layers.l2_regularizer": "tf.keras.regularizers.l2 (with half the scale)",
    "tf.contrib.layers.linear": "tf.layers.dense",
    "tf.contrib.layers.variance_scaling_initializer": "tf.variance_scaling_initializer",
    "tf.contrib.layers.xavier_initializer": "tf.glorot_uniform_initializer",
    "tf.contrib.losses.mean_squared_error": "tf.losses.mean_squared_error (labels first)",
    "tf.contrib.rnn.static_bidirectional_rnn": "tf.nn.static_bidirectional_rnn",
    "tf.contrib.rnn.static_rnn": "tf.nn.static_rnn",
    "tf.contrib.training.HParams": "types.SimpleNamespace",
}


def edits(script):
    """(file, line, old, new) for each name that TensorFlow 2's compat.v1 does not have."""
    for path, line, name, node in script.uses:
        today = before_1_0.RENAMED.get(name) or before_1_0.NEW_NAMES.get(name) or TODAY.get(name)
        if today:
            yield path, line, name, today
        elif name.startswith("tf.nn.seq2seq."):
            yield path, line, name, "legacy/legacy_seq2seq.py has the code"
        elif name.startswith("tf.contrib.") and name.count(".") == 3 and not isinstance(node, ast.ImportFrom):
            yield path, line, name, f"no name today; legacy/{name.split('.')[2]}.py has the code"
    for path, tree in script.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and any(alias.name == "tensorflow" for alias in node.names):
                yield path, node.lineno, "import tensorflow as tf", IMPORT
