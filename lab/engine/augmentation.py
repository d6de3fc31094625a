"""Augmentation of the examples of a training step: flips, shifts, TrivialAugment, cutout, CutMix, swap noise.

Both engines use it. What is random is drawn once per run and epoch, from the seed alone and by NumPy; the noise of
tables, one number per cell, is drawn in the step. Examples are stacked, of shape (replicas, batch, ...). A replica for
which something is off keeps its bits.
"""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from lab.engine import trivial
from lab.engine.penalties import meeting
from lab.seeds import derive

if TYPE_CHECKING:
    from lab.training import Training

BY_VISIT = ("flip", "shift", "cutout", "trivial_augment")
"""The fields whose random numbers are drawn for each example that an epoch visits."""


def by_visit(name: str, training: "Training", shape: tuple[int, ...], visits: int, seed: int, epoch: int) -> np.ndarray:
    """Return what one of `BY_VISIT` does to each example, int32 of shape (visits, 2).

    Of "flip" the first number is 1 where an image is turned over; of "shift" they are pixels down and to the right; of
    "cutout" the centre of the square; of "trivial_augment" the operation and its strength.
    """
    generator = np.random.default_rng(derive(seed, name, epoch))
    if name == "flip":
        low, high = np.array([0, 0]), np.array([int(training.flip), 0])
    elif name == "shift":
        low, high = np.full(2, -training.shift), np.full(2, training.shift)
    elif name == "trivial_augment":
        low, high = np.zeros(2, int), np.array([len(trivial.OPERATIONS), 2 * trivial.STRENGTHS]) - 1
    else:
        low, high = np.zeros(2, int), np.array(shape[:2]) - 1
    return generator.integers(low, high + 1, (visits, 2), dtype=np.int32)


def boxes(training: "Training", shape: tuple[int, ...], steps: int, seed: int, epoch: int) -> np.ndarray:
    """Return the box of CutMix in each step, int32 of shape (steps, 4): top, bottom, left, right; empty without it.

    Its sides are those of the image times the root of the rest of the area, its centre is any pixel, and what reaches
    over the edge is cut off, as in the paper.
    """
    if not training.cutmix:
        return np.zeros((steps, 4), np.int32)
    generator = np.random.default_rng(derive(seed, "cutmix", epoch))
    rest = np.sqrt(1.0 - generator.beta(training.cutmix, training.cutmix, steps))
    found = []
    for size in shape[:2]:
        half = (size * rest).astype(int) // 2
        centre = generator.integers(0, size, steps)
        found += [np.clip(centre - half, 0, size), np.clip(centre + half, 0, size)]
    return np.stack(found, 1).astype(np.int32)


def columns(training: "Training", shape: tuple[int, ...], steps: int, seed: int, epoch: int) -> np.ndarray:
    """Return which columns come from the neighbour in each step, 0 or 1, float32 of shape (steps, columns); 0 without.

    Their number is the rest of the drawn share, to the nearest whole one.
    """
    found = np.zeros((steps, *shape[:1]), np.float32)
    if training.row_cutmix:
        generator = np.random.default_rng(derive(seed, "row_cutmix", epoch))
        counts = np.rint(shape[0] * (1.0 - generator.beta(training.row_cutmix, training.row_cutmix, steps)))
        ranks = generator.permuted(np.tile(np.arange(shape[0]), (steps, 1)), axis=1)
        found[ranks < counts[:, None]] = 1.0
    return found


def changed(x: tf.Tensor, now: dict[str, tf.Tensor], step: tf.Tensor) -> tf.Tensor:
    """Return a batch after all that is done to each example by itself, and swap noise.

    Args:
        x: of shape (replicas, batch, ...).
        now: by the name of a field the strengths, of shape (replicas,); by "<field>_drawn" what `by_visit` returned, of
            shape (replicas, batch, 2); and "swap_seeds", int64.
        step: the number of steps taken before, int64.
    """
    if "flip" in now:
        turned = now["flip_drawn"][..., 0] > 0
        x = tf.where(turned[..., None, None, None], tf.reverse(x, [3]), x)
    if "shift" in now:
        x = tf.where(meeting(now["shift"], x) > 0.0, _shifted(x, now["shift_drawn"]), x)
    if "trivial_augment" in now:
        on = meeting(now["trivial_augment"], x) > 0.0
        x = tf.where(on, trivial.changed(x, now["trivial_augment_drawn"]), x)
    if "cutout" in now:
        side, centre = tf.cast(now["cutout"], tf.int32)[:, None], now["cutout_drawn"]
        rows, columns = (
            _inside(x.shape[2 + k], centre[..., k] - side // 2, centre[..., k] - side // 2 + side) for k in (0, 1)
        )
        x = tf.where((rows[..., :, None] & columns[..., None, :])[..., None], 0.0, x)
    if "swap_noise" in now:
        x = _swapped(x, now["swap_noise"], now["swap_seeds"], step)
    return x


def pasted(x: tf.Tensor, box: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return images with the pixels of their neighbours in a box, and the share of pixels that each keeps.

    Args:
        x: of shape (replicas, batch, height, width, channels).
        box: what `boxes` returned for a step, of shape (replicas, 4).
    """
    top, bottom, left, right = (box[:, k, None] for k in range(4))
    height, width = x.shape[2:4]
    inside = _inside(height, top, bottom)[..., :, None] & _inside(width, left, right)[..., None, :]
    area = tf.cast((bottom - top) * (right - left), tf.float32)[:, 0]
    return tf.where(inside[..., None], tf.roll(x, 1, 1), x), 1.0 - area / float(height * width)


def exchanged(x: tf.Tensor, of_others: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return rows with some columns of their neighbours, and the share of columns that each keeps.

    Args:
        x: of shape (replicas, batch, columns).
        of_others: what `columns` returned for a step, of shape (replicas, columns).
    """
    kept = 1.0 - tf.reduce_sum(of_others, -1) / float(x.shape[-1])
    return tf.where(of_others[:, None] > 0.0, tf.roll(x, 1, 1), x), kept


def _inside(size: int, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """Return which of `size` places lie between a start and an end, of shape (..., size)."""
    places = tf.range(size)
    return (places >= start[..., None]) & (places < end[..., None])


def _shifted(x: tf.Tensor, by: tf.Tensor) -> tf.Tensor:
    for k in (0, 1):
        size = x.shape[2 + k]
        source = tf.range(size) - by[..., k, None]
        moved = tf.gather(x, tf.clip_by_value(source, 0, size - 1), axis=2 + k, batch_dims=2)
        there = (source >= 0) & (source < size)
        x = tf.where(there[..., :, None, None] if k == 0 else there[..., None, :, None], moved, 0.0)
    return x


def _swapped(x: tf.Tensor, share: tf.Tensor, seeds: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    def one(rows: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(rows)
        uniform = tf.random.stateless_uniform(shape, tf.stack([seed, step]))
        others = tf.random.stateless_uniform(shape, tf.stack([seed + 1, step]), 0, shape[0], tf.int32)
        of_others = tf.transpose(tf.gather(tf.transpose(rows), tf.transpose(others), batch_dims=1))
        return tf.where(uniform < rate, of_others, rows)

    parts = zip(tf.unstack(x), tf.unstack(share), tf.unstack(seeds), strict=True)
    return tf.stack([one(*part) for part in parts])
