"""Numbers of notes/predict_sin_lstm.md that its commands do not print."""

import measure
import numpy as np

import predict_sin_lstm as script

tf = script.tf
SEEDS = range(4)
EPOCH = 155  # batches of 64 in 9,980 windows
TEMPERATURES = ["--series", "notes/data/temperatures.csv", "--column", "temperature", "--iterations", "2000"]


def _mse(data, **options):
    """Returns the test MSE of a training for each seed."""
    return [script.compute_errors(script.train(data, seed=seed, **options)[1], data, 1)["LSTM"] for seed in SEEDS]


def default_runs():
    """The default run with 8 seeds, compiled, and 4 seeds as a plain graph."""
    return {**measure.named("xla", measure.seeds("predict_sin_lstm", [], ["LSTM"])),
            **measure.named("plain", measure.seeds("predict_sin_lstm", [], ["LSTM"], n=4, xla=False))}


def dropout():
    """Dropout in training, and dropout left on in the predictions."""
    data, right, values = script.make_data(), script.predict, {}
    for keep_prob in (0.9, 0.5):
        values.update(measure.span(f"keep_{round(100 * keep_prob)}", _mse(data, keep_prob=keep_prob)))

    def left_on(x, units, unroll, keep_prob=0.9, seed=0):
        return right(x, units, unroll, keep_prob, seed)

    script.predict = left_on
    try:
        return {**values, **measure.span("left_on", _mse(data, keep_prob=0.9))}
    finally:
        script.predict = right


def layers():
    """One layer of one unit for 150 epochs; 20 + 1 units, 20 units for 50."""
    data = script.make_data()
    return {**measure.span("one", _mse(data, units=[1], iterations=150 * EPOCH)),
            **measure.span("two", _mse(data, units=[20, 1], iterations=50 * EPOCH)),
            **measure.span("wide", _mse(data, units=[20], iterations=50 * EPOCH))}


def steps_ahead():
    """The errors 1, 10, 100 and 300 steps ahead on the sine: one training for all, four seeds."""
    data = {ahead: script.make_data(ahead=ahead) for ahead in (1, 10, 100, 300)}
    found = {ahead: [] for ahead in data}

    def on_step(i, loss, forecast):
        if i < script.ITERATIONS - 1:
            return
        x = tf.placeholder(tf.float32, [None, script.N_STEPS, 1])
        following = script.predict(x, script.UNITS, "dynamic")
        for ahead in data:
            windows = data[ahead].x_test
            for _ in range(ahead):
                prediction = tf.get_default_session().run(following, {x: windows})
                windows = np.concatenate([windows[:, 1:], prediction[:, np.newaxis]], axis=1)
            found[ahead].append(script.compute_errors(prediction[:, 0], data[ahead], ahead))

    for seed in SEEDS:
        script.train(data[1], seed=seed, on_step=on_step)
    values = {}
    for ahead, errors in found.items():
        values.update(measure.span(f"ahead{ahead}", [error["LSTM"] for error in errors]))
        values[f"ahead{ahead}_last"] = errors[0]["last value"]
        values[f"ahead{ahead}_line"] = errors[0]["straight line"]
    return values


def temperatures():
    """The series of the page with 8 seeds, one day and seven days ahead."""
    keys = ["LSTM", "last_value", "straight_line"]
    return {f"{days}_{key}": value ** 0.5 for days, flags in (("day", []), ("week", ["--ahead", "7"]))
            for key, value in measure.seeds("predict_sin_lstm", [*TEMPERATURES, *flags], keys).items()}


def unscaled():
    """The same in kelvin, scaled and not: RMSE in kelvin, and the spread of the predictions."""
    data = script.make_data(TEMPERATURES[1], TEMPERATURES[3])
    mean, kelvin = data.mean + 273.15, data.truth + 273.15
    scaled = data._replace(mean=mean, truth=kelvin)
    raw = data._replace(truth=kelvin, mean=0.0, deviation=1.0, **{
        name: mean + data.deviation * getattr(data, name) for name in ("x_train", "y_train", "x_test")})
    values = {"kelvin_deviation": float(kelvin.std())}
    for name, given in (("scaled", scaled), ("unscaled", raw)):
        predictions = [script.train(given, 2000, seed)[1] for seed in SEEDS]
        values.update(measure.span(name, [float(np.sqrt(np.mean((p - kelvin) ** 2))) for p in predictions]))
        values.update(measure.span(f"{name}_spread", [float(np.std(p)) for p in predictions]))
    return values


def masks():
    """The share of outputs that two compiled runs with the same seed treat alike."""
    def mask(drop):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(0)
            kept, = tf.xla.experimental.compile(lambda x: [drop(x)], [tf.ones([1000])])
            return sess.run(kept)

    ways = {"wrapper": lambda x: tf.nn.dropout(x, rate=0.5), "script": lambda x: script.dropout(x, 0.5, [0, 1])}
    return {f"same_{name}": float(np.mean(mask(way) == mask(way))) for name, way in ways.items()}


def data_of_the_notes():
    """What the notes' functions make of 10,000 points from 0 to 100."""
    seq, timesteps = np.sin(np.linspace(0, 100, 10000)), 20
    return {"windows_notes": len(range(len(seq) - timesteps - 1)), "windows_all": len(seq) - timesteps,
            "gap": float(np.linspace(0, 100, 10000)[1])}
