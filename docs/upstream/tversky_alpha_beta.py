"""The Tversky loss takes alpha for the false negatives and beta for the false positives, against its docstring.

One positive too many is predicted and none is missed, so that with alpha 1 and beta 0 the loss must be 1/3, and with
alpha 0 and beta 1 it must be 0.

    python docs/upstream/tversky_alpha_beta.py
"""

import keras

TRUE, PREDICTED = [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]


def measured(alpha: float, beta: float) -> float:
    """Return Keras's loss of the case above."""
    return float(keras.losses.tversky([TRUE], [PREDICTED], alpha=alpha, beta=beta, axis=1)[0])


def expected(alpha: float, beta: float) -> float:
    """Return the loss by Salehi et al. 2017, equation 3: one minus TP / (TP + alpha FP + beta FN)."""
    hits, false_positives, false_negatives = 2, 1, 0
    return 1 - hits / (hits + alpha * false_positives + beta * false_negatives)


def main() -> None:
    """Print the table."""
    print(f"Keras {keras.__version__}, two hits, one false positive, no false negative")
    for alpha, beta in ((1.0, 0.0), (0.0, 1.0)):
        found, wanted = measured(alpha, beta), expected(alpha, beta)
        print(f"alpha {alpha:.0f}, beta {beta:.0f}: {found:.4f}, expected {wanted:.4f}")


if __name__ == "__main__":
    main()
