"""What `import legacy` does, in order."""

import atexit
import importlib
import importlib.machinery
import importlib.util
import os
import re
import sys
import types

from . import report

# legacy uses some of TensorFlow's private modules, which move between versions
TESTED = "2.21."
# where old import paths lead that their names do not tell; any other path below tensorflow.contrib.NAME leads
# to legacy/NAME.py. What starts with "tf" is a public name, the rest a module.
PATHS = {
    "tensorflow.contrib.learn.datasets": "legacy.mnist",
    "tensorflow.contrib.learn.python.learn.datasets": "legacy.mnist",
    "tensorflow.contrib.seq2seq.python.ops.attention_wrapper":
        "legacy.seq2seq legacy.attention_wrapper legacy.attention",
    "tensorflow.contrib.seq2seq.python.ops.basic_decoder": "legacy.seq2seq legacy.decoding",
    "tensorflow.contrib.seq2seq.python.ops.beam_search_decoder": "legacy.seq2seq legacy.beam_search",
    "tensorflow.contrib.seq2seq.python.ops.beam_search_ops": "legacy.beam_search",
    "tensorflow.contrib.seq2seq.python.ops.decoder": "legacy.seq2seq legacy.decoding",
    "tensorflow.contrib.seq2seq.python.ops.helper": "legacy.seq2seq legacy.helpers",
    "tensorflow.examples.tutorials.mnist": "legacy.mnist",
    "tensorflow.models.rnn": "tf.nn",
    "tensorflow.models.rnn.ptb": "legacy.ptb",
    "tensorflow.models.rnn.linear": "tf.nn.rnn_cell",
    "tensorflow.models.rnn.rnn": "tf.nn",
    "tensorflow.models.rnn.rnn_cell": "tf.nn.rnn_cell",
    "tensorflow.models.rnn.seq2seq": "tf.contrib.legacy_seq2seq",
    "tensorflow.python.estimator": "legacy.estimator",
    "tensorflow.python.ops.rnn": "tensorflow.python.ops.rnn tf.nn",
    "tensorflow.python.ops.rnn_cell": "legacy.rnn tensorflow.python.ops.rnn_cell_impl",
    "tensorflow.python.ops.rnn_cell_impl": "legacy.rnn tensorflow.python.ops.rnn_cell_impl",
    "tensorflow.python.ops.seq2seq": "tf.contrib.legacy_seq2seq",
}


def install():
    """Makes `import tensorflow` mean TensorFlow 1.x in this process. Does nothing on TensorFlow 1.x
    itself."""
    early = "tensorflow" in sys.modules
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow
    if isinstance(tensorflow, Module):
        return
    if tensorflow.__version__.startswith("1."):
        report.say(f"this is TensorFlow {tensorflow.__version__}: nothing to do")
        return
    if early:
        report.say("TensorFlow was imported before legacy: what the script has of it stays TensorFlow 2's")
    if not tensorflow.__version__.startswith(TESTED):
        report.say(f"tested with TensorFlow {TESTED}x; this is {tensorflow.__version__}")
    v1 = tensorflow.compat.v1
    v1.logging.set_verbosity(v1.logging.ERROR)
    v1.disable_v2_behavior()
    from . import before_1_0, flags, newer, old_cells, sources
    old_cells.install()
    before_1_0.install()
    flags.install()
    newer.install()
    sources.install()
    tf = Module("tensorflow", [v1], "tf")
    tf.__path__ = list(v1.__path__) + list(tensorflow.__path__)
    tf.__file__ = tensorflow.__file__
    tf.__version__ = tf.VERSION = "1.15.0+legacy." + tensorflow.__version__
    tf.python = sys.modules["tensorflow.python"]
    tf.contrib = Contrib("tensorflow.contrib")
    Module.renamed, Module.functions, Module.tf = before_1_0.RENAMED, before_1_0.FUNCTIONS, tf
    sys.modules["tensorflow"] = tf
    sys.modules["tensorflow.contrib"] = tf.contrib
    sys.meta_path.insert(0, Finder())
    sys.meta_path.append(Moved())
    for path in PATHS:
        if path.startswith("tensorflow.python.ops"):
            sys.modules[path] = old_path(path)
            setattr(tf.python.ops, path.rpartition(".")[2], sys.modules[path])
    sys.modules["tensorflow.python.ops.nn"].rnn_cell = sys.modules["tensorflow.python.ops.rnn_cell"]
    sys.excepthook = report.end_with
    atexit.register(report.at_end)


class Module(types.ModuleType):
    """A module of TensorFlow 1.x: its names come from `sources`, the first that has them, and from before
    1.0."""

    renamed = functions = {}

    def __init__(self, name, sources, written):
        super().__init__(name, sources[0].__doc__)
        self._sources, self._written = sources, written

    def __getattr__(self, name):
        if name in ("__path__", "__wrapped__"):
            raise AttributeError(name)
        if name == "__all__":
            return [each for each in dir(self) if not each.startswith("_")]
        value = self.find(name)
        setattr(self, name, value)
        return value

    def find(self, name):
        full = f"{self._written}.{name}"
        if f"{self.__name__}.{name}" in PATHS:
            return importlib.import_module(f"{self.__name__}.{name}")
        if full in self.functions:
            return self.functions[full]
        if full in SUBMODULES and importlib.util.find_spec(SUBMODULES[full]):
            return Module("tensorflow" + full[2:], modules_of(SUBMODULES[full]), full)
        for source in self._sources:
            try:
                value = getattr(source, name)
            except AttributeError:
                continue
            if isinstance(value, types.ModuleType) and ".compat.v1." in value.__name__:
                return Module("tensorflow" + full[2:], [value], full)
            return value
        if full in self.renamed:
            return public(self.renamed[full])
        if name.startswith("__"):
            raise AttributeError(name)
        raise report.missing(full)

    def __dir__(self):
        return sorted(set(self.__dict__).union(*map(dir, self._sources)))


# modules of TensorFlow that have more names here
SUBMODULES = {
    "tf.nn.rnn_cell": "legacy.rnn",
    "tf.estimator": "legacy.estimator",
}


class Contrib(types.ModuleType):
    """`tf.contrib`: each of its modules is `legacy/NAME.py`, loaded when a script first asks for it."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if importlib.util.find_spec("legacy." + name) is None:
            raise report.missing(f"tf.contrib.{name}")
        module = Part(f"tensorflow.contrib.{name}", [importlib.import_module("legacy." + name)],
                      f"tf.contrib.{name}")
        sys.modules[module.__name__] = module
        setattr(self, name, module)
        return module


class Part(Module):
    """One module of `tf.contrib`; its inner folders and files, as `python.ops`, have the same names."""

    __path__ = []
    INNER = ("python", "ops", "layers", "framework", "learn", "training", "hparam", "core_rnn",
             "core_rnn_cell",
             "rnn_cell", "seq2seq", "attention_wrapper", "basic_decoder", "decoder", "helper", "loss", "crf")

    def find(self, name):
        if name in self.INNER and not hasattr(self._sources[0], name):
            return self
        value = super().find(name)
        if getattr(value, "__module__", "").startswith("legacy."):
            report.is_own(f"{self._written}.{name}")
        return value


class Finder:
    """Finds the modules that old import statements name: those of `PATHS`, of `tf.contrib`, and public
    ones."""

    PUBLIC = ["tensorflow.app", "tensorflow.estimator", "tensorflow.flags", "tensorflow.nn",
              "tensorflow.nn.rnn_cell", "tensorflow.summary", "tensorflow.train"]

    def find_spec(self, name, path=None, target=None):
        if nearest(name) or name.startswith("tensorflow.contrib.") or name.split(".")[0] == "keras":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if name in self.PUBLIC or any(path.startswith(name + ".") for path in PATHS):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return old_path(spec.name)

    def exec_module(self, module):
        pass


class Moved(Finder):
    """Asked last: files of TensorFlow's own folders that are gone; their names are public ones."""

    def find_spec(self, name, path=None, target=None):
        folders = r"(ops|framework|training|util|platform|layers|client)"
        if re.fullmatch(rf"tensorflow\.python\.{folders}\.\w+", name):
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        return Module(spec.name, [Module.tf, public("tf.nn")], spec.name)


def nearest(name):
    """The longest of `PATHS` that this name is, or lies below."""
    found = [path for path in PATHS if name == path or name.startswith(path + ".")]
    return max(found, key=len, default=None)


def old_path(name):
    """The module that an old import statement means."""
    path = nearest(name)
    written = "tf" + name[len("tensorflow"):]
    if path:
        sources = modules_of(PATHS[path])
    elif name.split(".")[0] == "keras":
        # Keras 2, which was a package of its own; keras.layers.recurrent is keras.layers
        sources, written = [importlib.import_module("tensorflow." + keras_folder(name))], name
    elif name in Finder.PUBLIC:
        sources = [public(written)]
    elif ".contrib." in name:
        # the folders inside a module of contrib; where one of them has names of its own, those come first
        parts = written.split(".")
        sources = [public(".".join(parts[:3]))]
        for part in parts[3:]:
            inner = getattr(sources[0], part, None)
            if isinstance(inner, (types.ModuleType, types.SimpleNamespace)) and inner is not sources[0]:
                sources.insert(0, inner)
    else:
        # a folder on the way to one of PATHS
        sources = [types.ModuleType(name)]
    module = Module(name, sources, written)
    module.__path__ = []
    return module


def keras_folder(name):
    while importlib.util.find_spec("tensorflow." + name) is None:
        name = name.rpartition(".")[0]
    return name


def modules_of(names):
    return [public(name) if name.startswith("tf.") else importlib.import_module(name)
            for name in names.split()]


def public(dotted):
    """What `tf.nn.dynamic_rnn` means here."""
    value = Module.tf
    for name in dotted.split(".")[1:]:
        value = getattr(value, name)
    return value
