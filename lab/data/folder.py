"""A folder of pictures, with one folder for each class."""

import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lab.checks import DataError, UsageError, flag, quoted, shown, whole
from lab.data.columns import NAMED, count
from lab.data.dataset import Dataset
from lab.data.files import file_path
from lab.data.folds import Fold
from lab.data.images import pixels
from lab.data.splitting import Cut
from lab.data.weights import weighting

# Pillow knows more; some of those start other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
# The names of folders that are splits of the data's own.
SPLIT_FOLDERS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
# Files that operating systems leave in folders, besides those whose names begin with a dot.
LITTER = ("Thumbs.db", "desktop.ini")


def from_folder(
    path: str | os.PathLike[str],
    *,
    size: int | Sequence[int],
    colour: bool = True,
    class_weight: str | Mapping[str, float] | None = None,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of a folder of pictures: float32 in [0, 1], height x width x channels.

    All pictures are in memory: 4 * height * width * channels bytes each.

    Args:
        path: of the folder. Each folder in it is a class and is called like it; the pictures are in there, or in
            folders below. Or the folders in it are "train" and, if the data have splits of their own, "validation" (or
            "val") and "test", with the classes in each. PNG, JPEG, WebP, GIF (its first frame), BMP, TIFF and PPM are
            read. Files whose names begin with a dot are left out; any other file must be a picture.
        size: height and width in pixels, or one number for both. Pictures of another size are stretched to it.
            Pictures are turned as their EXIF data say, and what is transparent becomes white.
        colour: whether there are three channels, or one of grey.
        class_weight: as in `from_arrays`.

    Raises:
        UsageError: an argument that cannot be.
        DataError: a folder that is missing or has no class; files that are no pictures or are damaged, by name.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed, fold)
    flag("colour", colour)
    height, width = _size(size)
    place = file_path(path)
    splits = _splits(place)
    classes = _classes(place, splits["train"])
    files: list[Path] = []
    parts = {}
    for split, folder in splits.items():
        if (here := _classes(place, folder)) != classes:
            other = sorted({*here} ^ {*classes})
            raise DataError(
                f"{place} must have the same classes in each split, and not all have {quoted(other[:NAMED])}"
            )
        found = [(file, label) for label, name in enumerate(classes) for file in _files(folder / name)]
        parts[split] = slice(len(files), len(files) + len(found)), np.array([label for _, label in found], np.int32)
        files += [file for file, _ in found]
    images = _pictures(place, files, (width, height), colour)
    pairs = {split: (images[rows], labels) for split, (rows, labels) in parts.items()}
    return cut.dataset(
        place.resolve().name,
        pairs["train"],
        validation=pairs.get("validation"),
        test=pairs.get("test"),
        classes=classes,
        ready=pixels,
        weighting=weighting(None, class_weight, "classes", len(pairs["train"][1])),
    )


def _size(size: object) -> tuple[int, int]:
    sides = list(size) if isinstance(size, list | tuple) else [size, size]
    if len(sides) != 2:
        raise UsageError(f"size must be a height and a width, or one number for both, got {shown(size)}")
    height, width = (whole("size", side, "a side of the pictures in pixels", high=4096) for side in sides)
    return height, width


def _splits(place: Path) -> dict[str, Path]:
    """Return the folders of the splits: the folder itself as "train" where it has no splits of its own."""
    if not place.exists():
        raise DataError(f"{place} is not there; check the path")
    if not place.is_dir():
        raise DataError(f"{place} must be a folder of pictures and is a file; name the folder")
    names = [folder.name for folder in _folders(place)]
    if "train" not in names or not set(names) <= set(SPLIT_FOLDERS):
        return {"train": place}
    if {"val", "validation"} <= set(names):
        raise DataError(f"{place} must have one folder of the validation split and has two, 'val' and 'validation'")
    return {split: place / name for name, split in SPLIT_FOLDERS.items() if name in names}


def _folders(place: Path) -> list[Path]:
    return sorted(one for one in place.iterdir() if one.is_dir() and not one.name.startswith("."))


def _classes(place: Path, folder: Path) -> tuple[str, ...]:
    loose = [one for one in folder.iterdir() if not one.is_dir() and not _is_litter(one)]
    classes = tuple(one.name for one in _folders(folder))
    if not classes:
        raise DataError(f"{folder} must have a folder for each class and has none; sort the pictures into folders")
    if loose:
        raise DataError(
            f"{folder} must have pictures in the folders of their classes only and has "
            f"{count(len(loose), 'file')} beside them, such as {min(loose).name!r}; move or remove them"
        )
    return classes


def _files(folder: Path) -> list[Path]:
    files = (one for one in folder.rglob("*") if not one.is_dir() and not _is_litter(one))
    return sorted(files, key=lambda one: one.relative_to(folder).as_posix())


def _is_litter(file: Path) -> bool:
    return file.name.startswith(".") or file.name in LITTER


def _pictures(place: Path, files: list[Path], size: tuple[int, int], colour: bool) -> np.ndarray:
    """Return the pictures as bytes of shape (n, height, width, channels), or refuse all that cannot be read."""
    from PIL import Image

    images = np.empty((len(files), size[1], size[0], 3 if colour else 1), np.uint8)
    wrong = []
    with warnings.catch_warnings():
        # A picture of hundreds of megapixels is mostly made to fill the memory of whoever opens it.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with ThreadPoolExecutor() as pool:
            for i, found in enumerate(pool.map(lambda file: _picture(file, size, colour), files)):
                if isinstance(found, str):
                    wrong.append(f"{files[i].relative_to(place).as_posix()} ({found})")
                else:
                    images[i] = found
    if wrong:
        listed = ", ".join(wrong[:NAMED]) + (", ..." if len(wrong) > NAMED else "")
        raise DataError(
            f"{place} must hold pictures only, and {len(wrong)} of its {count(len(files), 'file')} cannot be read as "
            f"such: {listed}; repair or remove them"
        )
    return images


def _picture(file: Path, size: tuple[int, int], colour: bool) -> np.ndarray | str:
    """Return a picture as bytes of shape (height, width, channels), or why it cannot be read."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not file.is_file():
        return "no file"
    try:
        with Image.open(file, formats=FORMATS) as opened:
            if opened.mode.startswith(("I", "F")):
                return "more than 8 bits per channel; save it with 8"
            image = ImageOps.exif_transpose(opened)
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert("RGB" if colour else "L").resize(size, Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(size[1], size[0], -1)
    except UnidentifiedImageError:
        return "no picture"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        return f"damaged: {' '.join(str(error).split())}"
