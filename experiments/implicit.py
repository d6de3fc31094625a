"""How much do the number of epochs, the batch size and the learning rate regularize by themselves?

The number of epochs regularizes most of all. Small batches show the expected order, and a small learning rate is early
stopping by another name.

    python experiments/implicit.py            # about 40 seconds on 2 cores

Without any regularizer the validation loss of the best epoch is .54 and that of the last .72, and stopping after 10
epochs without progress keeps nearly that best in 28 instead of 100 epochs (test loss +.018 [-.029, +.065]).

At about 1 000 steps each, batches of 8 end with a smaller gap than batches of 100 (.57 against .67) and keep a better
epoch (test .46 against .52), the order that Keskar et al. found; 5 seeds do not show it against batches of 32 (-.049
[-.109, +.011]).

A small learning rate fits less in the same steps: .01 has no gap at all after 100 epochs, and is worse (+.049 [+.016,
+.081] before the correction), since it has not arrived.
"""

from functools import partial

from lab.cli import main
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.training import Training

EXAMPLES = 300
# Each batch size gets about as many steps: 100 epochs of 10.
STEPS = 1000
BATCHES = (8, 32, 100)
RATES = (0.01, 0.03, 0.1, 0.3)


def variant(batch_size: int = 32, learning_rate: float = 0.1, patience: int | None = None) -> Variant:
    """Two layers of 256 by plain gradient descent on 300 digits, a fifth of whose labels are random; no regularizer."""
    return Variant(
        data=partial(digits, train_size=EXAMPLES, label_noise=0.2),
        model=partial(dense, widths=(256, 256)),
        training=Training(
            optimizer="sgd",
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=max(1, round(STEPS / -(-EXAMPLES // batch_size))),
            patience=patience,
        ),
    )


EXPERIMENT = Experiment(
    name="implicit",
    variants={"none": variant(), "stopped_early": variant(patience=10)}
    | {f"batch_{size}": variant(batch_size=size) for size in BATCHES if size != 32}
    | {f"rate_{rate:g}": variant(learning_rate=rate) for rate in RATES if rate != 0.1},
    baseline="none",
    seeds=range(5),
    redraw_data=True,
    strength_paths={
        "batch size": {"none": 32.0} | {f"batch_{size}": float(size) for size in BATCHES if size != 32},
        "learning rate": {"none": 0.1} | {f"rate_{rate:g}": rate for rate in RATES if rate != 0.1},
    },
)

if __name__ == "__main__":
    main(EXPERIMENT)
