"""The lower bound of a sweep of dense nets: its matrix products and its optimizer's update, each timed separately.

    python -m benchmarks.floor                # the medium case, about 35 seconds on 2 cores
    python -m benchmarks.floor --case small

Every product of a training step and of a measurement is computed at the shape in which the cohort engine computes it,
for all replicas at once and in a compiled loop, and so is the update (here a split is measured in a single chunk). The
best of several times, multiplied by how often the sweep computes it, is what TensorFlow takes for these operations and
nothing else. Activations, penalties, batches, building and compiling come on top.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.arms import sgemm
from benchmarks.cases import CASES, Case

DENSE = ("small", "medium")
WIDTHS = {name: (CASES[name].shape[0], *CASES[name].model.keywords["widths"], 10) for name in DENSE}
BEST_OF = 5
LOOP_SECONDS = 0.3
"""About how long a loop takes. A call of a single product would time the call."""


def products(case: Case, widths: tuple[int, ...]) -> Iterator[tuple[str, int, Callable[[], Any], float]]:
    """Yield every product of a sweep: its name, how often it is computed, what computes it, and its operations."""
    import tensorflow as tf

    random, matmul = tf.random.normal, tf.matmul
    batch, replicas, epochs = case.training.batch_size, case.runs, case.training.epochs
    steps = epochs * case.training.steps(case.train)
    for layer, (a, b) in enumerate(itertools.pairwise(widths)):
        x, w, gradient = random((replicas, batch, a)), random((replicas, a, b)), random((replicas, batch, b))
        of = f"{a} x {b}"
        work = 2.0 * replicas * batch * a * b
        yield f"{of}: forward, {batch} rows", steps, lambda x=x, w=w: matmul(x, w), work
        yield f"{of}: to the weights", steps, lambda x=x, g=gradient: matmul(x, g, transpose_a=True), work
        if layer:
            yield f"{of}: to the inputs", steps, lambda g=gradient, w=w: matmul(g, w, transpose_b=True), work
        for rows in (case.train, case.validation):
            # All replicas measure the same examples.
            x = random((1 if layer == 0 else replicas, rows, a))
            measured = 2.0 * replicas * rows * a * b
            yield f"{of}: measured, {rows} rows", epochs, lambda x=x, w=w: matmul(x, w), measured


def update(case: Case, widths: tuple[int, ...]) -> Callable[[], Any]:
    """Return a function that takes a step of the optimizer on all weights, without penalties."""
    import keras
    import tensorflow as tf

    from lab.engine.update import Update

    shapes = [shape for a, b in itertools.pairwise(widths) for shape in ((case.runs, a, b), (case.runs, b))]
    variables = [keras.Variable(tf.random.normal(shape)) for shape in shapes]
    gradients = [tf.random.normal(shape) for shape in shapes]
    rates = tf.fill([case.runs], case.training.learning_rate)
    stacked = Update(case.training, variables, [False] * len(shapes), [None] * len(shapes))

    def step() -> Any:
        stacked.step(gradients, rates, None, [{}] * len(shapes), [None] * len(shapes))
        return stacked.optimizer.iterations.value.read_value()

    return step


def seconds(compute: Callable[[], Any]) -> float:
    """Return the seconds of one computation in a compiled loop: those of the fastest of `BEST_OF` loops."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def loop(repeats: tf.Tensor) -> tf.Tensor:
        def again(i: tf.Tensor, first: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # One number is passed on, so that the next computation waits for this one.
            with tf.control_dependencies([first]):
                return i + 1, tf.cast(tf.reshape(compute(), [-1])[0], tf.float32)

        return tf.while_loop(lambda i, _: i < repeats, again, [0, 0.0], parallel_iterations=1)[1]

    def timed(repeats: int) -> float:
        began = time.perf_counter()
        loop(tf.constant(repeats)).numpy()
        return time.perf_counter() - began

    timed(2)
    repeats = max(2, round(LOOP_SECONDS / (timed(4) / 4)))
    return min(timed(repeats) for _ in range(BEST_OF)) / repeats


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--case", choices=DENSE, default="medium")
    name = parser.parse_args().case
    case, widths = CASES[name], WIDTHS[name]

    from rich.console import Console
    from rich.table import Table

    rate, total = sgemm(), 0.0
    table = Table(title=f"What bounds {name}: {rate / 1e9:.0f} GFLOP/s is the sgemm rate")
    for heading in ("operation", "times", "seconds", "sgemm share"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for what, times, compute, work in products(case, widths):
        each = seconds(compute)
        total += times * each
        table.add_row(what, str(times), f"{times * each:.2f}", f"{work / each / rate:.0%}")
    table.add_section()
    table.add_row("all products", "", f"{total:.2f}", f"{case.work() / total / rate:.0%}")
    steps = case.training.epochs * case.training.steps(case.train)
    updates = steps * seconds(update(case, widths))
    table.add_row(f"{case.training.optimizer}'s update", str(steps), f"{updates:.2f}", "")
    total += updates
    table.add_row("both", "", f"{total:.2f}", f"{case.work() / total / rate:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
