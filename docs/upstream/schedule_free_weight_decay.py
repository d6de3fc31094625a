"""The weight decay of ScheduleFreeAdamW never reaches the iterate that is averaged.

Gradients are zero, so decay alone acts. The method keeps z, which is stepped, x, the average of the z, and evaluates
gradients at y between them. Decay belongs to the step of z. Keras shrinks y before it recovers x from y and z, so
that the shrinkage is booked on x, divided by beta_1, and z stays where it began.

    python docs/upstream/schedule_free_weight_decay.py
"""

import keras
import numpy as np

RATE, DECAY, BETA, STEPS = 0.1, 0.1, 0.9, 1000


def measured(steps: int = STEPS) -> tuple[float, float]:
    """Return y, the weight that the model has, and z after so many steps of Keras from 1."""
    weight = keras.Variable(np.float32(1))
    optimizer = keras.optimizers.ScheduleFreeAdamW(learning_rate=RATE, weight_decay=DECAY, beta_1=BETA)
    optimizer.build([weight])
    for _ in range(steps):
        optimizer.apply([np.float32(0)], [weight])
    (z,) = optimizer._momentums
    return float(weight.numpy()), float(z.numpy())


def expected(steps: int = STEPS) -> tuple[float, float]:
    """Return y and z by the paper: z takes the decayed step, evaluated at y; x is the mean of the z."""
    x = z = 1.0
    for step in range(1, steps + 1):
        y = (1 - BETA) * z + BETA * x
        z -= RATE * DECAY * y
        x += (z - x) / step
    return (1 - BETA) * z + BETA * x, z


def main() -> None:
    """Print the table."""
    print(f"Keras {keras.__version__}, no gradient, learning rate {RATE}, weight decay {DECAY}, from 1")
    for steps in (1, 10, 100, STEPS):
        (y, z), (wanted_y, wanted_z) = measured(steps), expected(steps)
        print(f"{steps:5d} steps: y {y:.4f}, expected {wanted_y:.4f}; z {z:.4f}, expected {wanted_z:.4f}")


if __name__ == "__main__":
    main()
