"""A deep RNN with one layer per device, on one machine or several; a trace shows which device did what.

Shows   tf.device, DeviceWrapper, RunOptions and RunMetadata, tf.train.Server, a queue that machines share
Run     python multi_gpu_rnn.py            (then with --placement per-step, then with --devices /cpu:0)
Expect  a third of the matrix products on each device; an MSE of 6 that falls below 0.3; 15 to 30 s
Notes   notes/multi_gpu_rnn.md
"""
import argparse
import contextlib
import itertools
import os
import re
import signal
import socket
import sys
import threading
import time
import warnings

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.nn.rnn_cell needs the package tf_keras since TF 2.16
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", message="`tf.nn.rnn_cell")
if "tensorflow" in sys.modules and sys.modules["tensorflow"].executing_eagerly():
    print("TensorFlow 2 is in use already: this process is in TF 1 mode from now on", file=sys.stderr)
try:
    import numpy as np
    import tensorflow.compat.v1 as tf
    from tqdm import tqdm
except KeyboardInterrupt:  # Ctrl-C while TensorFlow loads
    sys.exit(130)
tf.logging.set_verbosity(tf.logging.ERROR)
tf.disable_v2_behavior()  # TF 1 graphs; also makes tf.set_random_seed reach every initializer

N_STEPS = 100
N_INPUTS = 1
N_UNITS = 100
N_LAYERS = 3
N_OUTPUTS = 1
LEARNING_RATE = 0.001
ITERATIONS = 500
REPORT_EVERY = 100
CPUS = [f"/cpu:{k}" for k in range(N_LAYERS)]  # logical devices that stand in where GPUs are missing


# data -------------------------------------------------------------------------
def series(t):
    """Returns f(t) = t sin(t) / 3 + 2 sin(5 t), t in radians."""
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_batch():
    """Returns the times x and the values y of the series, (1, time, 1): the same at every step."""
    x = np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :-1, np.newaxis]
    return x, series(x)


# graph ------------------------------------------------------------------------
def glorot():
    """Returns an initializer that numbers its variables: weights k depend on --seed and on k only."""
    seeds = itertools.count()
    return lambda shape, **options: tf.glorot_uniform_initializer(seed=next(seeds))(shape, **options)


class LocalRNNCell(tf.nn.rnn_cell.BasicRNNCell):
    """A BasicRNNCell that first copies inputs (batch, input) and state (batch, unit) to its own device.

    The backward pass needs the inputs of a layer on two devices: where they are made and where they are used.
    Without the copy TensorFlow puts both layers on one device, without a message.
    """

    def call(self, inputs, state):
        # h_t = tanh([x_t, h_(t-1)] W + b)
        return super().call(tf.identity(inputs), tf.identity(state))


def add_layers(outputs, devices, placement):
    """(batch, time, input) -> (batch, time, unit); layer k on devices[k], the same variables in both ways"""
    cells = [LocalRNNCell(N_UNITS, name="basic_rnn_cell") for _ in devices]
    if placement == "per-step":  # one loop over time: each of its steps goes from device to device
        cells = [tf.nn.rnn_cell.DeviceWrapper(cell, device) for cell, device in zip(cells, devices)]
        outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), outputs, dtype=tf.float32)
        return outputs
    for k, (cell, device) in enumerate(zip(cells, devices)):  # a loop over time on each device
        with tf.device(device):
            scope = f"rnn/multi_rnn_cell/cell_{k}"
            outputs, _ = tf.nn.dynamic_rnn(cell, outputs, dtype=tf.float32, scope=scope)
    return outputs


def predict(x, devices, placement):
    """(batch, time, input) -> (batch, time, output)"""
    outputs = tf.reshape(add_layers(x, devices, placement), [-1, N_UNITS])  # (batch * time, unit)
    with tf.variable_scope("dense"):
        kernel = tf.get_variable("kernel", [N_UNITS, N_OUTPUTS])
        bias = tf.get_variable("bias", [N_OUTPUTS], initializer=tf.zeros_initializer())
        return tf.reshape(tf.matmul(outputs, kernel) + bias, [-1, N_STEPS, N_OUTPUTS])


def compute_loss(prediction, y):
    """loss = mean over batch and time of (prediction - y)^2"""
    return tf.reduce_mean(tf.square(prediction - y))


def training_step(x, y, devices, placement):
    """Runs the network and updates its weights; returns [loss, prediction]."""
    with tf.variable_scope("", initializer=glorot()):  # the same first weights in both placements
        prediction = predict(x, devices, placement)
    loss = compute_loss(prediction, y)
    optimizer, global_step = tf.train.AdamOptimizer(LEARNING_RATE), tf.train.get_or_create_global_step()
    # without colocate_gradients_with_ops the gradients of all layers are computed on one device
    update = optimizer.minimize(loss, global_step, colocate_gradients_with_ops=True)
    with tf.control_dependencies([update]):  # whoever fetches a result also trains
        return [tf.identity(loss), tf.identity(prediction)]


# train ------------------------------------------------------------------------
def config():
    """Returns the options of a session and of a server."""
    options = tf.ConfigProto(device_count={"CPU": N_LAYERS}, allow_soft_placement=True)  # no GPU kernel: CPU
    options.inter_op_parallelism_threads = 1  # passing thousands of tiny ops between threads takes longer
    options.gpu_options.allow_growth = True  # else the first process takes the memory of all GPUs
    return options


def train(iterations=ITERATIONS, seed=0, devices=CPUS, placement="per-layer", target="", checkpoint=None,
          on_step=lambda *_: None):
    """Trains; calls on_step(i, loss, prediction); returns losses, last loss, last prediction and a trace."""
    losses = []
    x_batch, y_batch = make_batch()
    devices = [devices[k * len(devices) // N_LAYERS] for k in range(N_LAYERS)]  # of the layers, in order
    with tf.Graph().as_default(), tf.Session(target, config=config()) as sess:
        tf.set_random_seed(seed)
        with tf.device(devices[-1]):  # whatever belongs to no layer comes after the last one
            x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
            y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
            step = training_step(x, y, devices, placement)
        with tf.device(devices[0]), tf.device("/cpu:0"):  # task 0 of a cluster has the files
            saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)
        for i in steps(iterations, first=sess.run(tf.train.get_global_step())):
            loss, prediction = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            if checkpoint and (i + 1) % REPORT_EVERY == 0:
                save(sess, saver, checkpoint)
            on_step(i, loss, prediction)
        if checkpoint:
            save(sess, saver, checkpoint)
        metadata = tf.RunMetadata()  # one step more is traced; its update is not saved
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True)
        loss, prediction = sess.run(step, {x: x_batch, y: y_batch}, options, metadata)
    return losses, float(loss), prediction, metadata


def size(shape, dtype):
    """Returns the bytes of a tensor, from the protobuf messages of its shape and type."""
    return int(np.prod([d.size for d in shape.dim])) * tf.as_dtype(dtype).size


def read_trace(metadata):
    """Returns what the devices did in a traced step: device -> counts, and the ops (op, 3).

    A row of the ops has the start in ms, the number of the device, and 1 for a matrix product of the forward
    pass, 2 for one of the backward pass, 0 else. A tensor is sent once to each device that needs it.
    """
    work, ops, ran = {}, [], {stats.device: stats.node_stats for stats in metadata.step_stats.dev_stats}
    for graph in sorted(metadata.partition_graphs, key=lambda graph: graph.node[0].device):  # one per device
        device, kinds = graph.node[0].device, {node.name: node.op for node in graph.node}
        sends = [node.input[0] for node in graph.node if node.op in ("_Send", "_HostSend")]
        variables = [node.attr for node in graph.node if node.op == "VariableV2"]
        rows, sent = [], []
        for op in ran.get(device, []):  # an op in a loop stands there once per round
            kind = kinds.get(op.node_name)
            if kind:  # None is TensorFlow's own _SOURCE
                product = 2 if op.node_name.startswith("gradients") else 1
                rows.append((op.all_start_nanos / 1e6, len(work), product if "MatMul" in kind else 0))
            for output in op.output:
                tensor = output.tensor_description
                name = op.node_name + (f":{output.slot}" if output.slot else "")
                sent += [size(tensor.shape, tensor.dtype)] * sends.count(name)
        ops += rows
        device = re.sub("/job:localhost/replica:0/task:0|/job:worker/replica:0|(?<=/)device:", "", device)
        work[device.lower()] = {
            "ops": len(rows), "matmuls": sum(row[2] > 0 for row in rows),
            "bytes of variables": sum(size(v["shape"].shape, v["dtype"].type) for v in variables),
            "tensors sent": int(np.count_nonzero(sent)), "bytes sent": sum(sent)}  # 0 bytes: control signals
    return work, np.array(ops) - [min(ops)[0], 0, 0]


def watch(hosts, timeout):
    """Ends the script when a machine does not answer for timeout seconds, until the event returned is set."""
    end, answered = threading.Event(), dict.fromkeys(hosts, time.time())

    def loop():
        while not end.wait(1):
            for host in hosts:
                with contextlib.suppress(OSError, OverflowError):
                    socket.create_connection(host.split(":"), 5).close()
                    answered[host] = time.time()
                if time.time() - answered[host] > timeout and not end.is_set():
                    print(f"no answer from {host} for {timeout} s", file=sys.stderr, flush=True)
                    os._exit(1)  # a session that waits for a machine can be neither interrupted nor closed
    threading.Thread(target=loop, daemon=True).start()
    return end


def signal_end(target, task, wait):
    """Waits until a task is told that training has ended, or tells it, through a queue on that task."""
    device = f"/job:worker/task:{task}"
    only = tf.ConfigProto(device_filters=[device])  # else a session waits for all machines of the cluster
    with tf.Graph().as_default(), tf.device(device + "/cpu:0"), tf.Session(target, config=only) as sess:
        queue = tf.FIFOQueue(1, tf.bool, shared_name="end")
        sess.run(queue.dequeue() if wait else queue.enqueue(True))


# plot -------------------------------------------------------------------------
def plot_work(figure):
    """Prepares the axes; returns update(prediction, ops of a traced step, names of its devices)."""
    left, right = figure.subplots(1, 2)
    x, y = make_batch()
    _, output = left.plot(x[0], y[0], "r", x[0], y[0], "b")
    left.set(xlabel="t (radians)", ylabel="value")
    left.legend(["truth", "prediction"], loc="upper left")
    marks = right.plot([], [], "|", [], [], "|", [], [], "|", markersize=30)
    right.set(xlabel="time in one traced step (ms)", yticks=[])
    right.legend(["op", "forward product", "backward product"], ncol=3, loc="upper center", markerscale=0.4)

    def update(prediction, ops, names):
        output.set_data(x[0], prediction[0])
        for kind, mark in enumerate(marks):
            mark.set_data(*ops[ops[:, 2] == kind, :2].T)
        right.set(xlim=(0, ops[:, 0].max() + 1), ylim=(len(names) - 0.5, -0.9))
        right.set_yticks(range(len(names)), names)
    return update


# main -------------------------------------------------------------------------
def gpus():
    """Names the GPUs that TensorFlow finds."""
    return [f"/gpu:{k}" for k in range(len(tf.config.experimental.list_physical_devices("GPU")))]


def devices(text):
    """An argparse type: names of this machine's devices; /device:GPU:0 is /gpu:0."""
    names = [re.sub("^/?(device:)?", "/", name.lower()) for name in text.split(",")]
    known = CPUS + gpus()
    if len(names) > N_LAYERS or not set(names) <= set(known):
        raise argparse.ArgumentTypeError(f"{text!r}: expected 1 to {N_LAYERS} of {', '.join(known)}")
    return names


def hosts(text):
    """An argparse type: the HOST:PORT of each task of a cluster."""
    names = text.split(",")
    well_formed = all(re.fullmatch("[A-Za-z0-9._-]+:[1-9][0-9]{0,4}", name) for name in names)
    if not well_formed or not 1 < len(set(names)) == len(names) <= N_LAYERS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 2 to {N_LAYERS} different HOST:PORT")
    return names


def parse(argv):
    """Returns the flags."""
    parser = flags()  # no --no-xla: what XLA compiles runs on one device, so nothing is compiled
    add, where = parser.add_argument, parser.add_mutually_exclusive_group().add_argument
    add("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    where("--devices", type=devices, metavar="D,D,D", help="devices of the layers (default: GPUs or CPUs)")
    where("--cluster", type=hosts, metavar="HOST:PORT,...",
          help="machines, one layer on each. TensorFlow's servers ask for no password and listen on ALL "
               "network interfaces: whoever reaches the port runs code there. Private network or SSH tunnel!")
    add("--task", type=int, metavar="I", help="number of this machine in --cluster; task 0 trains")
    add("--timeout", type=int, default=60, metavar="S", help="seconds to wait for the others (default: 60)")
    add("--placement", choices=["per-layer", "per-step"], default="per-layer",
        help="one loop over time per device, or one loop whose steps cross all devices (default: per-layer)")
    add("--checkpoint", metavar="DIR", help="save the weights, and go on from them")
    args = parser.parse_args(argv)
    if args.task not in (range(len(args.cluster)) if args.cluster else [None]) or args.timeout < 1:
        parser.error(f"--task {args.task} --timeout {args.timeout}: expected a machine, at least 1")
    return args


def join_cluster(args):
    """Starts this machine's server; returns on task 0 its address, on others None once task 0 has ended."""
    address = args.cluster[args.task]
    try:
        server = tf.train.Server({"worker": args.cluster}, "worker", args.task, config=config())
    except tf.errors.OpError:
        sys.exit(f"--cluster: cannot listen at {address}: is the port taken?")
    if args.task == 0:
        return server.target
    print(f"task {args.task} serves at {address} until task 0 has ended", flush=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Ctrl-C waits for the queue
    return signal_end(server.target, args.task, wait=True)


def main(argv=()):
    args = parse(argv)
    target, names = "", args.devices or gpus()[:N_LAYERS]
    if args.cluster:
        target, names = join_cluster(args), [f"/job:worker/task:{task}" for task in range(len(args.cluster))]
        if not target:
            return {}
        end = watch(args.cluster, args.timeout)
    elif not args.devices and len(names) < 2:
        print(f"{len(names) or 'no'} GPU found: logical CPU devices stand in")
        names = CPUS
    draw = live(args, plot_work, figsize=(12, 4), layout="tight")

    def on_step(i, loss, prediction):
        if i % REPORT_EVERY == 0:
            tqdm.write(f"{i} \tMSE {loss:.4g}")
        if i % 5 == 0:
            draw(prediction, np.zeros([1, 3]), [])

    try:
        losses, loss, prediction, metadata = train(args.iterations, args.seed, names, args.placement, target,
                                                   args.checkpoint, on_step)
    except tf.errors.OpError as error:  # above all where a machine of the cluster is lost
        sys.exit(f"training stopped: {type(error).__name__}")
    if args.cluster:
        end.set()
        for task, host in enumerate(args.cluster[1:], 1):
            signal_end("grpc://" + host, task, wait=False)
    work, ops = read_trace(metadata)
    print(f"MSE of the trained network: {loss:.6g}")
    columns = list(next(iter(work.values())))
    print(f"{'device':16}" + "  ".join(columns))
    for name, counts in work.items():
        print(f"{name:16}" + "  ".join(f"{counts[column]:{len(column)}}" for column in columns))
    draw(prediction, ops, list(work), end=True)
    return {"losses": losses, "loss": loss, "work": work}


# the same in every script -----------------------------------------------------
def flags():
    """Returns a parser with the flags that all scripts share."""
    sys.stdout, sys.stderr = [s or open(os.devnull, "w") for s in (sys.stdout, sys.stderr)]  # None if closed
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="random seed (default: 0)")
    parser.add_argument("--no-plot", action="store_true", help="open no window")
    parser.add_argument("--save-plot", type=argparse.FileType("ab"), metavar="FILE", help="save the picture")
    return parser


def steps(iterations, first=0):
    """Yields first, ..., iterations - 1 with a progress bar; Ctrl-C ends the loop after the current step."""
    if iterations < 1:
        sys.exit(f"--iterations {iterations}: expected at least 1")
    pressed = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()
    handled = is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handled:  # only remember it: a KeyboardInterrupt inside sess.run can crash TensorFlow
        signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        for i in tqdm(range(first, iterations), initial=first, total=iterations, disable=None):
            yield i
            if pressed.is_set():
                print(f"stopped by Ctrl-C after {i + 1} of {iterations} iterations", file=sys.stderr)
                break
    finally:
        if handled:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def save(sess, saver, folder):
    """Saves a checkpoint; the previous one stays until this one is complete."""
    if not all(np.isfinite(weights).all() for weights in sess.run(tf.trainable_variables())):
        sys.exit("the weights are not finite: training stopped, the last checkpoint is kept")
    try:
        os.makedirs(folder, exist_ok=True)
        saver.save(sess, os.path.join(folder, "model"), tf.train.get_global_step(), write_meta_graph=False)
    except (tf.errors.OpError, OSError, ValueError) as error:
        sys.exit(f"--checkpoint {folder!r}: cannot be written: {type(error).__name__}")


def restore(sess, saver, folder):
    """Restores the newest checkpoint, or saves a first one; ends the script where it does not fit."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return save(sess, saver, folder)  # shows at once whether the folder can be written
    try:
        newest = tf.train.latest_checkpoint(folder)
        shapes = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
        if dict(tf.train.list_variables(newest)) != shapes:
            raise ValueError  # on TF 2 a Saver restores wrong shapes without an error
        saver.restore(sess, newest)
    except (tf.errors.OpError, TypeError, ValueError):
        sys.exit(f"--checkpoint {folder!r}: expected a checkpoint of this script with the same flags")


def live(args, plot, **options):
    """Returns draw(*data), which updates a window; draw(*data, end=True) saves and keeps the picture."""
    backend = os.environ.pop("MPLBACKEND", None)  # Matplotlib cannot be imported with a wrong one
    import matplotlib.pyplot as plt
    with contextlib.suppress(Exception):  # a wrong or missing backend: Matplotlib chooses
        plt.switch_backend(backend)
    plt.rcParams.update({"interactive": True, "figure.raise_window": False})  # a frame steals no focus
    hidden = args.no_plot or threading.current_thread() is not threading.main_thread()
    figure = plt.Figure(**options) if hidden else plt.figure(**options)
    window = figure.canvas.required_interactive_framework  # None: nothing can be shown
    if not (window or args.no_plot or args.save_plot):
        print("no window: --save-plot FILE keeps the picture", file=sys.stderr)
    path, formats = args.save_plot and args.save_plot.name, tuple(figure.canvas.get_supported_filetypes())
    if path and not path.lower().endswith(formats):
        sys.exit(f"--save-plot {path!r}: expected a name that ends in .{', .'.join(formats)}")
    update = plot(figure)
    def draw(*data, end=False):
        update(*data)
        if end and path:
            figure.savefig(path)
        if window and plt.fignum_exists(figure.number):  # a closed window ends the drawing only
            figure.canvas.draw_idle()
            figure.canvas.flush_events()
            plt.show(block=end)
    return draw


# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib", "numpy", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm"]
# ///
if __name__ == "__main__":
    try:
        main(sys.argv[1:])
        print(end="", flush=True)  # a closed pipe is noticed here, not while Python exits
    except (KeyboardInterrupt, BrokenPipeError):  # python x.py | head
        sys.stdout = None  # else Python flushes it on exit and complains
        sys.exit(130)
