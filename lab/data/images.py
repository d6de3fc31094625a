"""Image data sets: float32 in [0, 1], height x width x channels.

Each loader takes the keyword arguments that `lab.data` describes.
"""

from pathlib import Path

import numpy as np

from lab.checks import DataError
from lab.data import formats
from lab.data.dataset import Dataset
from lab.data.folds import Fold
from lab.data.keras_cache import KERAS_DATASETS, Download, content, fetch, folder, read, unpacked
from lab.data.npz_file import npz
from lab.data.splitting import Cut

MNIST = Download(
    "mnist.npz",
    KERAS_DATASETS + "mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
CIFAR10 = Download(
    "cifar-10-batches-py-target_archive",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    names=("cifar-10-python.tar.gz",),
)
CIFAR100 = Download(
    "cifar-100-python-target_archive",
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    names=("cifar-100-python.tar.gz",),
)
# File, shape and SHA-256 of the unpacked content: Keras and Debian compress the same bytes differently.
FASHION_MNIST = (
    (
        "train-images-idx3-ubyte.gz",
        (60_000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    ("train-labels-idx1-ubyte.gz", (60_000,), "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    (
        "t10k-images-idx3-ubyte.gz",
        (10_000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    ("t10k-labels-idx1-ubyte.gz", (10_000,), "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)
# Where Debian's package dataset-fashion-mnist puts them.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
TEN = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def digits(
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return 1 797 handwritten digits of 8 x 8 pixels, which come with scikit-learn and need no network.

    All three splits are cut from them: 1 079, 359 and 359 by default. Small and real, so it is the default data.

    Reference: Alpaydin and Kaynak 1998, UCI machine learning repository.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed, fold)
    from sklearn.datasets import load_digits

    data = load_digits()
    images = data.images[..., np.newaxis].astype(np.float32) / np.float32(16)
    return cut.dataset("digits", (images, data.target.astype(np.int32)), classes=TEN)


def fashion_mnist(
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return 70 000 pictures of clothes of 28 x 28 pixels; 10 000 of them are the test split, as published.

    The four files are read from Keras's cache, or from where Debian's package dataset-fashion-mnist puts them, or
    else are downloaded into Keras's cache.

    Raises:
        DataError: no network where one is needed, or a file that is not what was published.

    Reference: Xiao et al. 2017.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    cached = folder() / "fashion-mnist"
    place = cached
    if not all((cached / name).exists() for name, *_ in FASHION_MNIST) and DEBIAN.is_dir():
        place = DEBIAN
    arrays = []
    for name, shape, sha256 in FASHION_MNIST:
        path = place / name
        if place == cached and not path.exists():
            _fetch_clothes(name)
        arrays.append(formats.idx(content(path), str(path), shape, sha256))
    return _dataset("fashion_mnist", cut, arrays, CLOTHES)


def _fetch_clothes(name: str) -> None:
    try:
        fetch(Download(f"fashion-mnist/{name}", KERAS_DATASETS + name))
    except DataError as error:
        files = ", ".join(file for file, *_ in FASHION_MNIST)
        raise DataError(
            f"{error}; the data set is four files, {files}, in {folder() / 'fashion-mnist'}, and Debian's package "
            f"dataset-fashion-mnist brings them all"
        ) from error


def mnist(
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return 70 000 handwritten digits of 28 x 28 pixels; 10 000 of them are the test split, as published.

    Read from Keras's cache, or downloaded into it.

    Raises:
        DataError: no network where one is needed, or a file that is not what was published.

    Reference: LeCun et al. 1998.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    arrays = npz(read(MNIST), str(folder() / MNIST.file))
    return _dataset("mnist", cut, [arrays[name] for name in ARRAYS], TEN)


def cifar10(
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return 60 000 colour pictures of 32 x 32 pixels in 10 classes; 10 000 are the test split, as published.

    The archive (170 MB) is read from Keras's cache, or downloaded into it, and unpacked once into an .npz beside
    it. All of it as float32 takes 0.7 GB of memory.

    Raises:
        DataError: no network where one is needed, or an archive that is not what was published.

    Reference: Krizhevsky 2009.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    members = {
        "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
        "test": ("test_batch",),
        "meta": ("batches.meta",),
    }
    return _cifar("cifar10", cut, CIFAR10, members, "labels", "label_names")


def cifar100(
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return 60 000 colour pictures of 32 x 32 pixels in 100 (fine) classes, otherwise as `cifar10`.

    Raises:
        DataError: no network where one is needed, or an archive that is not what was published.

    Reference: Krizhevsky 2009.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    members: dict[str, tuple[str, ...]] = {"train": ("train",), "test": ("test",), "meta": ("meta",)}
    return _cifar("cifar100", cut, CIFAR100, members, "fine_labels", "fine_label_names")


def _cifar(
    name: str, cut: Cut, archive: Download, members: dict[str, tuple[str, ...]], labels: str, names: str
) -> Dataset:
    where = str(folder() / archive.file)
    arrays = unpacked(archive, lambda content: formats.cifar(content, where, members, labels, names))
    images = [arrays[key] for key in ARRAYS]
    return _dataset(name, cut, images, tuple(arrays["classes"].tolist()))


def _dataset(name: str, cut: Cut, arrays: list[np.ndarray], classes: tuple[str, ...]) -> Dataset:
    """Return the dataset of x_train, y_train, x_test, y_test: pixels of 0 to 255, labels of any whole type."""
    x_train, y_train, x_test, y_test = arrays
    return cut.dataset(
        name,
        (x_train, y_train.astype(np.int32)),
        test=(x_test, y_test.astype(np.int32)),
        classes=classes,
        ready=pixels,
    )


def pixels(images: np.ndarray) -> np.ndarray:
    """Return bytes of shape (n, height, width) or (n, height, width, channels) as float32 in [0, 1] with channels."""
    images = images if images.ndim == 4 else images[..., np.newaxis]
    return images.astype(np.float32) / np.float32(255)
