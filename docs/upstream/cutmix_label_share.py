"""CutMix mixes labels by another share than it mixes pixels.

Each image is filled with its own number, so that the share of foreign pixels can be counted. The mask is of whole
pixels, the label's share that of the box before its edges are rounded.

    python docs/upstream/cutmix_label_share.py
"""

import keras
import numpy as np

IMAGES = 512


def measured(size: int, seed: int = 0) -> tuple[float, float]:
    """Return by how much the label's share of the foreign class is off, in pixels: the mean and the largest of a batch.

    Args:
        size: the height and width of the images.
        seed: of the layer.
    """
    images = np.broadcast_to(np.arange(IMAGES, dtype=np.float32)[:, None, None, None], (IMAGES, size, size, 1))
    labels = np.eye(IMAGES, dtype=np.float32)
    mixed = keras.layers.CutMix(seed=seed)({"images": images, "labels": labels}, training=True)
    own = np.asarray(mixed["labels"])[np.arange(IMAGES), np.arange(IMAGES)]
    kept = (np.asarray(mixed["images"]) == images).mean(axis=(1, 2, 3))
    # An image that was paired with itself keeps all pixels and its label.
    off = np.abs(own - kept)[kept < 1] * size**2
    return float(off.mean()), float(off.max())


def main() -> None:
    """Print the table."""
    print(f"Keras {keras.__version__}, {IMAGES} images: label share minus counted share, in pixels")
    for size in (8, 28, 32):
        mean, largest = measured(size)
        print(f"{size:3d} x {size:<3d} mean {mean:5.2f}   largest {largest:5.2f}   of {size**2}")


if __name__ == "__main__":
    main()
