# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""A deep RNN with each layer on a device of its own, on one machine or several; and evidence of what ran where.

Shows   tf.device, DeviceWrapper, RunOptions and RunMetadata, tf.train.Server, a queue that machines share
Run     python multi_gpu_rnn.py            (then with --placement per-step, then with --devices /cpu:0)
Expect  a third of the matrix products on each device, and an MSE of 6 that falls below 0.1; 15 s on two cores
Notes   notes/multi_gpu_rnn.md
"""
import argparse
import collections
import contextlib
import itertools
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf.nn.rnn_cell lives in tf_keras since TF 2.16
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the C++ log only: errors arrive as exceptions
warnings.filterwarnings("ignore", message="`tf.nn.rnn_cell")

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

stderr = os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what TensorFlow logs before it reads the level above
try:
    import tensorflow.compat.v1 as tf
finally:
    os.dup2(stderr, 2)
tf.logging.set_verbosity(tf.logging.ERROR)  # no deprecation chatter
tf.disable_v2_behavior()  # also what makes tf.set_random_seed reach every initializer
XLA = not tf.__version__.startswith("1.")  # TF 1.15 compiles these steps too, but LSTMs run slower there

from tensorflow.python.client import timeline  # no other name in either TensorFlow

CHECKPOINT = "multi_gpu_rnn"  # the script's own name, so that another script's checkpoint is refused
N_STEPS = 100
N_INPUTS = 1
N_UNITS = 100
N_LAYERS = 3
N_OUTPUTS = 1
LEARNING_RATE = 0.001
ITERATIONS = 500
SAVE_EVERY = 100
CPUS = [f"/cpu:{k}" for k in range(N_LAYERS)]  # logical devices, which stand in where GPUs are missing


# data -------------------------------------------------------------------------
def series(t):
    """The series at t (radians), of the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_batch():
    """Returns the times x and the series there y, (1, time, 1): the same at every step, as in the notes."""
    x = np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :-1, np.newaxis]
    return x, series(x)


# graph ------------------------------------------------------------------------
def glorot():
    """Returns an initializer whose n-th weights depend on n and on --seed, not on what else stands in the graph."""
    seeds = itertools.count()
    return lambda shape, **options: tf.glorot_uniform_initializer(seed=next(seeds))(shape, **options)


class LocalRNNCell(tf.nn.rnn_cell.BasicRNNCell):
    """A BasicRNNCell that first takes its inputs and state, (batch, unit) each, to its own device.

    The gradient's stacks of past values stand where a value was made and where it is used. Where these are two devices
    (an input from the layer below) allow_soft_placement solves the contradiction: it moves whole layers, silently.
    """

    def call(self, inputs, state):
        # h_t = tanh([x_t, h_(t-1)] W + b)
        return super().call(tf.identity(inputs), tf.identity(state))


def add_layers(inputs, devices, placement):
    """(batch, time, input) -> (batch, time, unit); layer k on devices[k], under the same names in both placements."""
    cells = [LocalRNNCell(N_UNITS, name="basic_rnn_cell") for _ in devices]
    if placement == "per-step":  # one loop over time: each of its steps goes from device to device
        cells = [tf.nn.rnn_cell.DeviceWrapper(cell, device) for cell, device in zip(cells, devices)]
        outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), inputs, dtype=tf.float32)
        return outputs
    for k, (cell, device) in enumerate(zip(cells, devices)):  # a loop over time on each device
        with tf.device(device):
            inputs, _ = tf.nn.dynamic_rnn(cell, inputs, dtype=tf.float32, scope=f"rnn/multi_rnn_cell/cell_{k}")
    return inputs


def dense(inputs, n_outputs):
    """(rows, inputs) -> (rows, outputs)"""
    with tf.variable_scope("dense"):
        kernel = tf.get_variable("kernel", [inputs.shape[1], n_outputs])
        bias = tf.get_variable("bias", [n_outputs], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, kernel) + bias


def training_step(x, y, devices, placement):
    """Forward, loss, gradients and update; returns the loss."""
    with tf.variable_scope("", initializer=glorot()):  # the same first weights in both placements
        outputs = tf.reshape(add_layers(x, devices, placement), [-1, N_UNITS])  # (batch * time, unit)
        prediction = tf.reshape(dense(outputs, N_OUTPUTS), [-1, N_STEPS, N_OUTPUTS])
    # loss = mean over batch and time of (prediction - y)^2
    loss = tf.reduce_mean(tf.square(prediction - y))
    # without colocate_gradients_with_ops the gradients of all layers run on one device
    update = tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss, tf.train.get_or_create_global_step(),
                                                            colocate_gradients_with_ops=True)
    with tf.control_dependencies([update]):
        return tf.identity(loss)


# train ------------------------------------------------------------------------
class WrongInput(Exception):
    """What the reader got wrong: main() says it in one line and ends with status 2."""


def restore(sess, saver, folder):
    """Takes up the newest checkpoint in the folder, if there is one; raises WrongInput where it does not fit."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return
    try:
        state = tf.train.get_checkpoint_state(folder)
        newest, *kept = map(os.path.basename, [state.model_checkpoint_path, *state.all_model_checkpoint_paths])
    except (AttributeError, ValueError):  # there is no list, or no text
        raise WrongInput(f"--checkpoint {folder!r}: expected a list of checkpoints in its file 'checkpoint'")
    try:
        shapes = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
        stored = tf.train.list_variables(os.path.join(folder, newest))
        if not newest.startswith(CHECKPOINT + "-") or dict(stored) != shapes:
            raise ValueError
        saver.restore(sess, os.path.join(folder, newest))
    except (tf.errors.OpError, ValueError):
        raise WrongInput(f"--checkpoint {folder!r}: expected a whole checkpoint of this model, not {newest!r}")
    saver.recover_last_checkpoints([os.path.join(folder, name) for name in kept])  # here, where the folder is a copy


def save(sess, saver, folder, step):
    """Writes a checkpoint; until it is whole, the one before it stays."""
    if not all(np.isfinite(weights).all() for weights in sess.run(tf.trainable_variables())):
        sys.exit(f"the weights are not finite after {step} iterations: training stopped, the checkpoint before is kept")
    try:
        os.makedirs(folder, exist_ok=True)
        saver.save(sess, os.path.join(folder, CHECKPOINT), step, write_meta_graph=False)
    except (tf.errors.OpError, OSError, ValueError) as error:
        reason = str(error).split("\n\t [[")[0].splitlines()[-1]  # TF 2 says where before it says why
        sys.exit(f"--checkpoint {folder!r} cannot be written, the one before is kept: {reason}")


def config():
    """Returns what a session and a server are told of the devices."""
    result = tf.ConfigProto(device_count={"CPU": N_LAYERS}, allow_soft_placement=True)  # no GPU kernel: CPU
    result.inter_op_parallelism_threads = 1  # thousands of tiny ops: to hand them from thread to thread takes longer
    result.gpu_options.allow_growth = True  # else the first process takes all memory of all GPUs
    return result


def train(iterations=ITERATIONS, seed=0, devices=CPUS, placement="per-layer", target="", checkpoint=None,
          on_step=None):
    """Trains; returns the loss of each step, then the loss and the RunMetadata of one step more, which is traced.

    devices: 1 to N_LAYERS names, over which the layers are spread in order; target: the address of a cluster's server.
    Calls on_step(i, loss). The update of the traced step is not saved. Raises WrongInput where the checkpoint is not
    one of this model.
    """
    losses = []
    x_batch, y_batch = make_batch()
    devices = [devices[k * len(devices) // N_LAYERS] for k in range(N_LAYERS)]
    with tf.Graph().as_default(), tf.Session(target, config=config()) as sess:
        tf.set_random_seed(seed)
        with tf.device(devices[-1]):  # all that is of no layer: it comes after the last one
            x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
            y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
            step = training_step(x, y, devices, placement)
        with tf.device(devices[0]), tf.device("/cpu:0"):  # task 0 of a cluster has the files
            saver = tf.train.Saver(max_to_keep=2)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)
        done = first = int(sess.run(tf.train.get_global_step()))
        for i in steps(iterations, first):
            loss = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            done = i + 1
            if checkpoint and done % SAVE_EVERY == 0:
                save(sess, saver, checkpoint, done)
            if on_step:
                on_step(i, loss)
        if checkpoint and done > first:
            save(sess, saver, checkpoint, done)
        metadata = tf.RunMetadata()
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True)
        loss = sess.run(step, {x: x_batch, y: y_batch}, options, metadata)
    return losses, float(loss), metadata


def steps(iterations, first=0):
    """Counts the steps, with a progress bar; Ctrl-C ends the training after this step, a second one the script."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(signal.signal(signal.SIGINT, before)))
    try:
        for i in tqdm(range(first, iterations), initial=first, total=iterations, disable=None):
            yield i
            if pressed:
                break
    finally:
        signal.signal(signal.SIGINT, before)


def size(shape, dtype):
    """Bytes of a tensor, from the messages that describe it."""
    return int(np.prod([d.size for d in shape.dim])) * tf.as_dtype(dtype).size


def read_trace(metadata):
    """Returns what each device did in a traced step: name -> counts, and name -> bars (op, 3): from, to, is matmul.

    Times are in ms. A tensor is sent once to each other device that needs it; signals without content do not count.
    """
    work, bars, ran = {}, {}, {stats.device: stats.node_stats for stats in metadata.step_stats.dev_stats}
    for graph in sorted(metadata.partition_graphs, key=lambda graph: graph.node[0].device):  # one for each device
        device = graph.node[0].device
        name = re.sub("/job:localhost/replica:0/task:0|/job:worker/replica:0|(?<=/)device:", "", device).lower()
        kind = {node.name: node.op for node in graph.node}
        takers = collections.Counter(node.input[0] for node in graph.node if node.op in ("_Send", "_HostSend"))
        spans, sent = [], []
        for op in ran.get(device, []):  # an op in a loop stands there once for each round
            if op.node_name not in kind:  # TensorFlow's own _SOURCE
                continue
            start = op.all_start_nanos / 1e6
            spans.append((start, start + op.all_end_rel_nanos / 1e6, "MatMul" in kind[op.node_name]))
            for output in op.output:
                n_takers = takers[op.node_name + (f":{output.slot}" if output.slot else "")]
                if n_takers:
                    sent += [size(output.tensor_description.shape, output.tensor_description.dtype)] * n_takers
        bars[name] = np.reshape(spans, [-1, 3])
        variables = [node.attr for node in graph.node if node.op == "VariableV2"]
        work[name] = {"ops": len(spans), "matmuls": int(bars[name][:, 2].sum()),
                      "bytes of variables": sum(size(v["shape"].shape, v["dtype"].type) for v in variables),
                      "tensors sent": np.count_nonzero(sent), "bytes sent": sum(sent)}
    return work, bars


# cluster ----------------------------------------------------------------------
def missing(hosts, timeout):
    """Names the tasks whose server takes no connection within timeout seconds."""
    names = []
    for task, host in enumerate(hosts):
        try:
            socket.create_connection(host.split(":"), timeout).close()
        except OSError:
            names.append(f"task {task} at {host}")
    return ", ".join(names)


def wait_for(hosts, timeout):
    """Returns when all servers are up, says which are not, and ends the script after timeout seconds."""
    end, said = time.time() + timeout, ""
    while True:
        names = missing(hosts, 1)
        if not names:
            return
        if time.time() > end:
            sys.exit(f"gave up after {timeout} s: no answer from {names}")
        if names != said:
            print(f"waiting for {names}", file=sys.stderr, flush=True)
        said = names
        time.sleep(0.2)


@contextlib.contextmanager
def watch(hosts, timeout):
    """Ends the script in one line when a task dies or no step ends for timeout seconds; yields [time of the last step].

    By a thread and os._exit: a session that waits for a dead machine can be neither interrupted nor closed.
    """
    beat, done = [time.time()], threading.Event()

    def loop():
        while not done.wait(1):
            names = missing(hosts, timeout)
            if names or time.time() - beat[0] > timeout:
                why = f"no answer from {names}" if names else f"no step ended in {timeout} s"
                print(f"{why}: training stopped", file=sys.stderr, flush=True)
                sys.stdout.flush()
                os._exit(1)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def done_queue(target, task):
    """Yields a session that knows only that task, and the queue there on which it blocks until task 0 is done."""
    device = f"/job:worker/task:{task}"
    only = tf.ConfigProto(device_filters=[device])  # else a session waits for all machines of the cluster
    with tf.Graph().as_default(), tf.device(device + "/cpu:0"), tf.Session(target, config=only) as sess:
        yield sess, tf.FIFOQueue(1, tf.bool, shared_name="done")


def serve(target, task):
    """Lends the task's devices until task 0 is done."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Ctrl-C waits for the queue
    with done_queue(target, task) as (sess, queue):
        sess.run(queue.dequeue())


def release(hosts):
    """Lets the other tasks go."""
    for task, host in enumerate(hosts):
        if task and not missing([host], 1):
            with contextlib.suppress(tf.errors.OpError), done_queue("grpc://" + host, task) as (sess, queue):
                sess.run(queue.enqueue(True))


# plot -------------------------------------------------------------------------
def plot_work(figure, data):
    """Prepares the axes; returns update(), which draws data: the losses so far, and the bars of the traced step."""
    left, right = figure.subplots(1, 2)
    loss, = left.plot([], [], "k", linewidth=0.5)
    left.set(xlabel="iteration", ylabel="MSE", yscale="log")
    ops, = right.plot([], [], color="tab:blue", label="any op", linewidth=30, solid_capstyle="butt")
    matmuls, = right.plot([], [], color="tab:orange", label="matrix product", linewidth=16, solid_capstyle="butt")
    right.set(xlabel="time in one traced step (ms)", yticks=[])
    for line in right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncol=2).get_lines():
        line.set_linewidth(8)

    def update():
        stride = 1 + len(data["losses"]) // 500  # a point shows the highest loss of so many steps: no leap is lost
        starts = range(0, len(data["losses"]), stride)
        loss.set_data(starts, [max(data["losses"][k:k + stride]) for k in starts])
        left.relim()
        left.autoscale_view()
        if data["bars"]:
            rows = np.concatenate([np.insert(bars, 3, row, axis=1) for row, bars in enumerate(data["bars"].values())])
            start, gap = rows[:, 0].min(), np.full(len(rows), np.nan)  # NaN ends each bar
            for line, shown in (ops, rows), (matmuls, rows[rows[:, 2] == 1]):
                ends = np.stack([shown[:, 0] - start, shown[:, 1] - start, gap[:len(shown)]], axis=1)
                line.set_data(ends.ravel(), shown[:, 3].repeat(3))
            right.set(xlim=(0, rows[:, 1].max() - start), ylim=(len(data["bars"]) - 0.5, -0.5))
            right.set_yticks(range(len(data["bars"])))
            right.set_yticklabels(data["bars"])

    return update


def live(args, plot, data, seconds=0.05, **options):
    """Returns draw(), which shows plot(figure, data) as the data grow; draw(end=True) saves and keeps the picture."""
    plt.rcParams["figure.raise_window"] = False  # a new frame must not steal the focus
    window = not args.no_plot and plt.get_backend().lower() != "agg"  # Matplotlib's choice without a display
    figure = (plt.figure if window else plt.Figure)(**options)
    update, drawn, told = plot(figure, data), [0.0], window or args.no_plot or args.save_plot

    def draw(end=False):
        nonlocal told
        is_open = window and plt.fignum_exists(figure.number)  # a closed window ends the drawing, not the training
        if not told:  # not earlier: a checkpoint that is refused then is one line of its own
            tqdm.write("no display: --save-plot FILE keeps the picture", file=sys.stderr)
            told = True
        if end:
            update()
            try:
                if args.save_plot:
                    figure.savefig(args.save_plot)
            except (OSError, AttributeError) as error:  # Matplotlib's PDF of a full disk ends in the latter
                reason = error if isinstance(error, OSError) else error.__context__
                sys.exit(f"--save-plot {args.save_plot!r} cannot be written: {reason}")
            if is_open:
                plt.show()
        elif is_open and figure.canvas.required_interactive_framework and time.time() - drawn[0] >= seconds:
            update()
            plt.pause(0.001)
            drawn[0] = time.time()

    return draw


# main -------------------------------------------------------------------------
def number(low, high=2**31 - 1):
    """An argparse type: a number from low to high, whole where low is."""
    def parse(text):
        if not low <= type(low)(text) <= high:  # refuses NaN too
            raise ValueError
        return type(low)(text)
    parse.__name__ = f"{type(low).__name__} from {low} to {high}"
    return parse


def output(*suffixes):
    """An argparse type: a writable file with one of the suffixes, or where there is none a writable folder."""
    def parse(path):
        is_folder = os.path.isdir(path)
        if not path.endswith(suffixes or "") or not path or os.path.exists(path) and is_folder == bool(suffixes):
            raise ValueError
        try:  # os.access calls writable what is not: to root, on Windows
            if os.path.isfile(path):
                os.close(os.open(path, os.O_WRONLY))
            else:
                tempfile.TemporaryFile(dir=path if is_folder else os.path.dirname(os.path.abspath(path))).close()
        except OSError:
            raise ValueError
        return path
    parse.__name__ = "writable " + (" or ".join(suffixes) or "folder")
    return parse


def flags(iterations=None):
    """Returns a parser with the flags that every script has; without usage, so that an error is one line."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    if iterations:
        add("--iterations", type=number(1), default=iterations, metavar="N", help="of training (default: %(default)s)")
        add("--no-xla", dest="xla", action="store_false", default=XLA, help="run the plain graph, as on TF 1.15")
    add("--seed", type=number(0), default=0, metavar="S", help="of all that is random (default: %(default)s)")
    add("--no-plot", action="store_true", help="open no window")
    add("--save-plot", type=output(".png", ".svg", ".pdf"), metavar="FILE", help="write the final picture there")
    return parser


def gpus():
    """Names the GPUs that TensorFlow finds."""
    return [f"/gpu:{k}" for k in range(len(tf.config.experimental.list_physical_devices("GPU")))]


def devices(text):
    """An argparse type: names of devices of this machine, for one layer or more each; /device:GPU:0 is /gpu:0."""
    names = [re.sub("^/?(device:)?", "/", name.lower()) for name in text.split(",")]
    if len(names) > N_LAYERS or not set(names) <= {*CPUS, *gpus()}:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 1 to {N_LAYERS} of {', '.join(CPUS + gpus())}")
    return names


def hosts(text):
    """An argparse type: the host:port of each task of a cluster."""
    names = text.split(",")
    well_formed = all(re.fullmatch(r"[A-Za-z0-9._-]+:[0-9]{1,5}", name) for name in names)
    if not (well_formed and all(0 < int(name.split(":")[1]) < 2**16 for name in names)
            and 1 < len(set(names)) == len(names) <= N_LAYERS):
        raise argparse.ArgumentTypeError(f"{text!r}: expected 2 to {N_LAYERS} different host:port")
    return names


def main(argv=None):
    parser = flags()  # without --no-xla: a program that XLA compiles runs on one device, so here nothing is compiled
    add, where = parser.add_argument, parser.add_mutually_exclusive_group().add_argument
    add("--iterations", type=number(1), default=ITERATIONS, metavar="N", help="of training (default: %(default)s)")
    where("--devices", type=devices, metavar="D,D,D",
          help=f"for the layers, in order (default: the GPUs; where these are fewer than two, {','.join(CPUS)})")
    where("--cluster", type=hosts, metavar="HOST:PORT,...",
          help="one layer on each of these machines. TensorFlow's servers ask for no password and listen on ALL "
               "network interfaces: whoever reaches the port runs code there. Private network, firewall or SSH tunnel!")
    add("--task", type=number(0), metavar="I", help="which of the machines this is, from 0; task 0 trains")
    add("--timeout", type=number(1), default=60, metavar="S",
        help="seconds that task 0 waits for another (default: %(default)s)")
    add("--placement", choices=["per-layer", "per-step"], default="per-layer",
        help="a loop over time on each device, or one loop whose steps cross them all (default: %(default)s)")
    add("--trace", type=output(".json"), metavar="FILE", help="write one step there, for chrome://tracing")
    add("--checkpoint", type=output(), metavar="DIR", help="save there as it goes, and resume from there")
    args = parser.parse_args(argv)
    target, running, said = "", contextlib.nullcontext([0]), ""
    if (args.cluster is None) != (args.task is None):
        parser.error("--cluster and --task: expected both or neither")
    if args.cluster:
        if args.task >= len(args.cluster):
            parser.error(f"--task {args.task}: expected 0 to {len(args.cluster) - 1}")
        try:
            with socket.socket() as probe:  # found taken by the server, TF 1.15 would write a line of its own
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("", int(args.cluster[args.task].split(":")[1])))
            server = tf.train.Server({"worker": args.cluster}, "worker", args.task, config=config())
        except (OSError, tf.errors.OpError):
            parser.error(f"--cluster: cannot listen at {args.cluster[args.task]}: is the port taken?")
        if args.task:
            print(f"task {args.task} serves at {args.cluster[args.task]} until task 0 is done", flush=True)
            return serve(server.target, args.task)
        wait_for(args.cluster, args.timeout)
        target, running = server.target, watch(args.cluster, args.timeout)
        names = [f"/job:worker/task:{task}" for task in range(len(args.cluster))]
    else:
        names = args.devices or gpus()[:N_LAYERS]
        if not args.devices and len(names) < 2:
            said, names = f"{len(names) or 'no'} GPU found: logical CPU devices stand in\n", CPUS
    data = {"losses": [], "bars": {}}
    draw = live(args, plot_work, data, figsize=(12, 4), layout="tight")

    def on_step(i, loss):
        if not data["losses"]:  # not earlier: where the checkpoint is refused, stdout stays empty
            tqdm.write(said, end="")
        beat[0] = time.time()
        data["losses"].append(loss)
        if i % 100 == 0:
            tqdm.write(f"{i} \tMSE: {loss:.4g}")
        draw()

    try:
        with running as beat:
            losses, loss, metadata = train(args.iterations, args.seed, names, args.placement, target, args.checkpoint,
                                           on_step)
    except WrongInput as error:
        parser.error(error)
    except tf.errors.OpError as error:
        if not args.cluster:
            raise
        sys.exit(f"the cluster failed: {' '.join(error.message.split())[:200]}: training stopped")
    release(args.cluster or [])
    work, data["bars"] = read_trace(metadata)
    print(f"MSE of the trained network: {loss:.6g}")
    columns = list(next(iter(work.values())))
    print(f"{'device':16}" + "  ".join(columns))
    for name, counts in work.items():
        print(f"{name:16}" + "  ".join(f"{counts[column]:{len(column)}}" for column in columns))
    if args.trace:
        trace = timeline.Timeline(metadata.step_stats).generate_chrome_trace_format(show_dataflow=False)
        try:
            with open(args.trace, "w") as file:
                file.write(trace)
        except OSError as error:
            sys.exit(f"--trace {args.trace!r} cannot be written: {error}")
    draw(end=True)
    return {"losses": losses, "loss": loss, "work": work}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
