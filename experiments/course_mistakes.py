"""Which conclusions of the course's CIFAR-10 experiments came from what Keras did, not from regularization?

Four of them: the elastic net, the high loss of L1, the penalty on activity, and layer normalization. None of them shows
an effect of regularization.

    python experiments/course_mistakes.py            # about 70 seconds on 2 cores; --data cifar10 for the course's own

Measured on 300 digits, a fifth of whose labels are random, with the course's net made smaller (5 seeds).

The "Elastic Net" was L1. `L1L2(0.01)` leaves l2 at 0, and the variants as written equal those of plain L1 in every
digit of every epoch. The course has .665 for L1 and .692 for the "Elastic Net" and explains the difference; it is the
noise between two runs of one regularizer. A true elastic net differs (test loss .472 against .449), and no better.

"L1 has a high loss, so it underfits" reads the penalty. Keras's `loss` and `val_loss` contain it: after the first
epoch `loss` is .134 higher with L1(1e-4) than without, and the data loss is the same to three digits (2.291). On the
course's kernel of 7200 x 512 an L1 of 1e-4 adds 5.14 before the first step, more than twice the 2.30 of guessing, and
L2 .096.

Activity is not weight. The course's notebook penalizes the outputs of the layer, a variation of it the kernel, and
their results are told together. At the course's strengths neither shows an effect here: activity L1 -.012 [-.036,
+.013] in test loss, kernel L1 +.002 [-.012, +.015], kernel L2 -.005 [-.013, +.003].

Layer normalization was normalization of each pixel's channels. `LayerNormalization()` on a convolution does that, the
report describes one mean and one variance for H x W x C, which is `GroupNormalization(groups=1)`. They are different
nets (test loss .487 and .475), of which 5 seeds do not show one to be better than none (.461) or than the other.
"""

from functools import partial

import lab.seeds
from lab.cli import main
from lab.data import cifar10, digits
from lab.experiment import Experiment, Variant
from lab.study import Study
from lab.training import Training


def net(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    filters: int,
    width: int,
    penalty: str = "none",
    strength: float = 0.0,
    on: str = "kernel",
    normalization: str = "none",
    seed: int = 0,
):
    """The course's net: two convolutions, pooling, one dense layer with a penalty on its kernel or its activity.

    The penalty "as written" is the course's `L1L2(strength)`, and "elastic net" what it was meant to be. Layer
    normalization over "channels" is what `LayerNormalization()` does to each pixel, over "image" what was meant.
    """
    import keras

    def seeded(name: str) -> keras.Initializer:
        return keras.initializers.GlorotUniform(lab.seeds.derive(seed, name, "kernel"))

    own = keras.regularizers
    made = {
        "none": None,
        "l1": own.L1(strength),
        "l2": own.L2(strength),
        "as written": own.L1L2(strength),
        "elastic net": own.L1L2(l1=strength, l2=strength),
    }[penalty]
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer=seeded("conv_1"))(x)
    if normalization == "channels":
        x = keras.layers.LayerNormalization()(x)
    elif normalization == "image":
        x = keras.layers.GroupNormalization(1)(x)
    x = keras.layers.Conv2D(filters, 3, activation="relu", kernel_initializer=seeded("conv_2"))(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    x = keras.layers.Dense(
        width, "relu", kernel_initializer=seeded("dense"), name="dense", **({f"{on}_regularizer": made} if made else {})
    )(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, kernel_initializer=seeded("output"), name="output")(x))


def variants(data, training, filters, width):
    """Return the course's variants, each as it was written and as it was meant."""
    plain = partial(net, filters=filters, width=width)
    models = {
        "none": plain,
        "activity_l1": partial(plain, penalty="l1", strength=0.01, on="activity"),
        "activity_as_written": partial(plain, penalty="as written", strength=0.01, on="activity"),
        "activity_elastic_net": partial(plain, penalty="elastic net", strength=0.01, on="activity"),
        "kernel_l1": partial(plain, penalty="l1", strength=1e-4),
        "kernel_l2": partial(plain, penalty="l2", strength=1e-4),
        "kernel_as_written": partial(plain, penalty="as written", strength=1e-4),
        "kernel_elastic_net": partial(plain, penalty="elastic net", strength=1e-4),
        "norm_channels": partial(plain, normalization="channels"),
        "norm_image": partial(plain, normalization="image"),
    }
    return {name: Variant(data=data, model=model, training=training) for name, model in models.items()}


def penalties():
    """Return what penalties of the course's strength add to the loss of its untrained net, and what theory says."""
    import pandas as pd

    from lab.engine.tensorflow import load_tensorflow

    load_tensorflow()
    model = net((32, 32, 3), 10, filters=32, width=512)
    kernel = model.get_layer("dense").kernel.numpy().astype(float)
    # Glorot's uniform weights reach to a with a ** 2 = 6 / (inputs + outputs): |w| is a / 2 and w ** 2 is a ** 2 / 3.
    rows, columns = kernel.shape
    a = (6 / (rows + columns)) ** 0.5
    return {
        "penalties": pd.DataFrame({
            "penalty": ["L1(1e-4)", "L2(1e-4)"],
            "measured": [1e-4 * abs(kernel).sum(), 1e-4 * (kernel**2).sum()],
            "expected": [1e-4 * kernel.size * a / 2, 1e-4 * kernel.size * a**2 / 3],
            "parameters": model.count_params(),
        })
    }  # fmt: skip


def draw(tables):
    """Draw what the penalties add to the loss of a net that knows nothing."""
    import math

    from lab.report.kit import figure_of, single

    names = ["no penalty", *tables["penalties"]["penalty"]]
    added, chance = [0.0, *tables["penalties"]["measured"]], math.log(10)
    with single(
        title="the penalty inside the loss of the CIFAR-10 net", of="course_mistakes", size=(4.6, 2.2),
        x="the loss that Keras reports before the first step",
    ) as ax:  # fmt: skip
        ax.barh(names, chance, color="0.75", label="data loss of guessing: ln 10")
        ax.barh(names, added, left=chance, color="#d55e00", label="penalty of the untrained weights")
        for i, penalty in enumerate(added):
            ax.text(chance + penalty + 0.1, i, f"{chance + penalty:.3g}", va="center")
        ax.invert_yaxis()
        ax.set_xlim(0, 9)
    return {"penalties": figure_of(ax)}


STUDY = Study(name="penalties", question="How large is a penalty before any training?", compute=penalties, draw=draw)

EXPERIMENT = Experiment(
    name="course_mistakes",
    variants=variants(partial(digits, train_size=300, label_noise=0.2), Training(epochs=60), filters=16, width=128),
    baseline="none",
    seeds=range(5),
    redraw_data=True,
    studies=(STUDY,),
    on_data={
        "cifar10": Experiment(
            name="course_mistakes-cifar10",
            variants=variants(cifar10, Training(epochs=10, batch_size=256), filters=32, width=512),
            baseline="none",
            seeds=range(5),
        )
    },
)

if __name__ == "__main__":
    main(EXPERIMENT)
