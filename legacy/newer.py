"""What newer NumPy, pandas, Matplotlib and Python took away, given back while an old script runs."""

import collections
import collections.abc
import functools
import importlib.abc
import importlib.machinery
import math
import sys
import time

from . import report

# name in the module -> what it is today
NUMPY = {
    "Inf": "inf", "Infinity": "inf", "NAN": "nan", "NaN": "nan", "PINF": "inf", "alltrue": "all",
    "cfloat": "complex128", "complex_": "complex128", "cumproduct": "cumprod", "float_": "float64",
    "in1d": "isin", "infty": "inf", "int0": "intp", "product": "prod", "round_": "round",
    "row_stack": "vstack", "sometrue": "any", "string_": "bytes_", "trapz": "trapezoid", "unicode_": "str_",
}
BUILTINS = {"bool": bool, "complex": complex, "float": float, "int": int, "long": int, "object": object,
            "str": str,
            "unicode": str}


def install():
    """Python's part now; each package's when the script imports it, or now where TensorFlow has it
    already."""
    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(time, "clock"):
        time.clock = time.perf_counter
    import fractions
    import inspect
    if not hasattr(fractions, "gcd"):
        fractions.gcd = math.gcd
    if not hasattr(inspect, "getargspec"):
        inspect.getargspec = getargspec
    sys.meta_path.insert(0, AfterImport())
    for name, mend in MENDED.items():
        if name in sys.modules:
            mend(sys.modules[name])


def getargspec(function):
    import inspect
    return collections.namedtuple("ArgSpec",
                                  "args varargs keywords defaults")(*inspect.getfullargspec(function)[:4])


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls the function of `MENDED` after the module's own code has run."""

    def find_spec(self, name, path=None, target=None):
        if name not in MENDED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                run(module)
                MENDED[name](module)
            spec.loader.exec_module = exec_module
        return spec


def numpy(np):
    """Old names; arrays of lists of different lengths, which were arrays of objects; text as bytes."""
    for old, new in NUMPY.items():
        if old not in np.__dict__:
            setattr(np, old, getattr(np, new))
    for name, builtin in BUILTINS.items():
        if name not in np.__dict__:
            setattr(np, name, builtin)
    given = {
        "NINF": -np.inf, "asfarray": lambda a, dtype=float: np.asarray(a, dtype),
        "asscalar": lambda a: a.item(),
        "mat": np.asmatrix, "msort": lambda a: np.sort(a, axis=0),
    }
    for name, value in given.items():
        if name not in np.__dict__:
            setattr(np, name, value)
    np.lib.pad = np.pad
    for name in ("array", "asarray"):
        setattr(np, name, ragged(getattr(np, name)))
    reshape = np.reshape

    @functools.wraps(reshape)
    def old_reshape(a, shape=None, *args, newshape=None, **kwargs):
        return reshape(a, shape if newshape is None else newshape, *args, **kwargs)
    np.reshape = old_reshape
    if int(np.__version__.split(".")[0]) >= 2:
        # [1.0], not [np.float64(1.0)]
        np.set_printoptions(legacy="1.25")
    fromstring, frombuffer = np.fromstring, np.frombuffer

    @functools.wraps(fromstring)
    def old_fromstring(string, dtype=float, count=-1, *, sep="", **kwargs):
        if sep == "":
            return frombuffer(string.encode() if isinstance(string, str) else string, dtype, count).copy()
        return fromstring(string, dtype, count, sep=sep, **kwargs)
    np.fromstring = old_fromstring


def ragged(function):
    @functools.wraps(function)
    def make(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            if "inhomogeneous" not in str(error) or len(args) > 1 or kwargs.get("dtype") is not None:
                raise
            report.edit("np.array(lists of different lengths)", "np.array(..., dtype=object)")
            return function(*args, **dict(kwargs, dtype=object))
    return make


def pandas(pd):
    frame, series = pd.DataFrame, pd.Series

    def as_matrix(self, columns=None):
        return (self if columns is None else self[columns]).values

    def append(self, other, ignore_index=False, **kwargs):
        if isinstance(other, dict):
            other = frame([other])
        elif isinstance(other, series) and isinstance(self, frame):
            other = other.to_frame().T
        return pd.concat([self] + (other if isinstance(other, list) else [other]), ignore_index=ignore_index)

    def sort(self, columns=None, **kwargs):
        return self.sort_index(**kwargs) if columns is None else self.sort_values(columns, **kwargs)

    given = {
        frame: {"as_matrix": as_matrix, "append": append, "sort": sort, "ix": property(lambda self: Ix(self)),
                "iteritems": frame.items, "get_value": lambda self, index, col: self.at[index, col],
                "applymap": getattr(frame, "map", None)},
        series: {"as_matrix": as_matrix, "append": append,
                 "sort": lambda self: self.sort_values(inplace=True),
                 "order": series.sort_values, "ix": property(lambda self: Ix(self)),
                 "iteritems": series.items},
        pd: {"scatter_matrix": pd.plotting.scatter_matrix,
             "rolling_mean": lambda x, window, **kwargs: x.rolling(window, **kwargs).mean(),
             "rolling_std": lambda x, window, **kwargs: x.rolling(window, **kwargs).std(),
             "ewma": lambda x, **kwargs: x.ewm(**kwargs).mean()},
    }
    for where, names in given.items():
        for name, value in names.items():
            if not hasattr(where, name):
                setattr(where, name, value)
    read_csv = pd.read_csv

    @functools.wraps(read_csv)
    def old_read_csv(*args, error_bad_lines=None, warn_bad_lines=None, squeeze=False, delim_whitespace=False,
                     infer_datetime_format=None, **kwargs):
        if error_bad_lines is False:
            kwargs["on_bad_lines"] = "skip"
        if delim_whitespace:
            kwargs["sep"] = r"\s+"
        table = read_csv(*args, **kwargs)
        return table.squeeze("columns") if squeeze else table
    pd.read_csv = old_read_csv


class Ix:
    """`.ix[...]`: by label, and by position where the index has no such labels."""

    def __init__(self, data):
        self.data = data

    def __getitem__(self, key):
        try:
            return self.data.loc[key]
        except (KeyError, TypeError):
            return self.data.iloc[key]


def pyplot(plt):
    """Style names of before 3.6, `hold`, old keywords, and lists of artists that forget what is removed."""
    import matplotlib
    from matplotlib.axes import Axes
    use = plt.style.use

    def old_use(style):
        if isinstance(style, str) and style.startswith("seaborn") and style not in plt.style.available:
            style = style.replace("seaborn", "seaborn-v0_8", 1)
        return use(style)
    plt.style.use = old_use
    for where in (plt, Axes):
        if not hasattr(where, "hold"):
            where.hold = lambda *args: None
    if not hasattr(matplotlib.cm, "get_cmap"):
        matplotlib.cm.get_cmap = plt.get_cmap
    artists = type(plt.Axes.lines.fget(Axes(matplotlib.figure.Figure(), [0, 0, 1, 1])))
    if not hasattr(artists, "remove"):
        artists.remove = lambda self, artist: artist.remove()
        artists.pop = lambda self, index=-1: self[index].remove()
    renamed(Axes, "hist", "normed", "density")
    renamed(plt, "hist", "normed", "density")
    for name in ("axes", "subplot", "figure"):
        renamed(plt, name, "axisbg", "facecolor")
    canvas = type(plt.Figure().canvas)
    if not hasattr(canvas, "set_window_title"):
        matplotlib.backend_bases.FigureCanvasBase.set_window_title = (
            lambda self, title: self.manager and self.manager.set_window_title(title))


def renamed(where, name, old, new):
    """The function with the old keyword, too."""
    function = getattr(where, name)

    @functools.wraps(function)
    def with_old(*args, **kwargs):
        if old in kwargs:
            kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)
    setattr(where, name, with_old)


def matplotlib(module):
    """`matplotlib.use(backend, warn=...)`."""
    use = module.use
    module.use = lambda backend, warn=None, force=True: use(backend, force=force)


MENDED = {"numpy": numpy, "pandas": pandas, "matplotlib": matplotlib, "matplotlib.pyplot": pyplot}
