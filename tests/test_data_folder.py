"""Pictures in folders, one per class: sizes and channels are unified, foreign and damaged files named."""

import io

import numpy as np
import pytest
from PIL import Image

from lab.checks import DataError, UsageError
from lab.data import from_arrays, from_folder
from tests.data_files import refused

PARTS = ("train", "validation", "test")
COLOURS = {"cats": (255, 0, 0), "dogs": (0, 255, 0), "owls": (0, 0, 255)}


def picture(colour=(255, 0, 0), size=(12, 8), mode="RGB"):
    return Image.new("RGB", size, colour).convert(mode)


def fill(folder, per_class=10):
    """Write pictures of one colour per class, each with a pixel of its own in the corner."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            made = picture(colour)
            made.putpixel((0, 0), (10 * i, 10 * i, 10 * i))
            made.save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def pets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return fill(tmp_path / "pets")


def test_each_folder_is_a_class_and_each_picture_an_example(pets):
    made = from_folder("pets", size=(8, 12))
    assert (made.name, made.classes, made.input_shape) == ("pets", ("cats", "dogs", "owls"), (8, 12, 3))
    assert [len(getattr(made, part)) for part in PARTS] == [18, 6, 6]
    for part in PARTS:
        split = getattr(made, part)
        np.testing.assert_array_equal(split.x[:, 1, 1], np.eye(3, dtype=np.float32)[split.y])
    same = np.stack([np.asarray(Image.open(pets / name / f"{i}.png")) for name in COLOURS for i in range(10)])
    assert made.fingerprint == from_arrays(same, np.repeat([*COLOURS], 10)).fingerprint


def test_pictures_are_stretched_to_one_size_and_greyed_where_asked(pets):
    picture((255, 0, 0), (40, 5)).save(pets / "cats" / "wide.jpg", quality=95)
    made = from_folder(pets, size=6, colour=False)
    assert made.input_shape == (6, 6, 1)
    # The luma of pure red, ITU-R 601.
    cats = np.concatenate([getattr(made, part).x[getattr(made, part).y == 0] for part in PARTS])
    np.testing.assert_allclose(cats[:, 3, 3], 0.299, atol=0.01)
    assert len(cats) == 11


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "bmp"), ("RGB", "webp"), ("P", "png"), ("P", "gif"), ("L", "png"), ("1", "png"), ("CMYK", "jpg")],
)
def test_every_kind_of_picture_becomes_the_same_channels(pets, mode, suffix):
    picture((255, 255, 255), mode=mode).save(pets / "cats" / f"white.{suffix}")
    made = from_folder(pets, size=4)
    assert sum((split.x.min(axis=(1, 2, 3)) > 0.98).sum() for split in (made.train, made.validation, made.test)) == 1


def test_what_is_transparent_is_white_and_a_picture_lies_as_its_exif_data_say(pets):
    Image.new("RGBA", (12, 8), (0, 0, 0, 0)).save(pets / "cats" / "clear.png")
    turned = picture((0, 0, 0), (12, 8))
    turned.paste((255, 255, 255), (0, 0, 6, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    turned.save(pets / "dogs" / "turned.png", exif=exif)
    made = from_folder(pets, size=(4, 4), colour=False)
    every = np.concatenate([getattr(made, part).x for part in PARTS])
    assert (every.min(axis=(1, 2, 3)) == 1).sum() == 1
    assert any((one[0] == 1).all() and (one[-1] == 0).all() for one in every)


def test_splits_of_the_datas_own_stay_what_they_are(tmp_path):
    generator = np.random.default_rng(0)
    for split, n in (("train", 6), ("val", 4), ("test", 5)):
        for name in ("a", "b"):
            (tmp_path / split / name / "deeper").mkdir(parents=True)
            for i in range(n):
                noise = generator.integers(0, 256, (5, 5, 3), dtype=np.uint8)
                Image.fromarray(noise).save(tmp_path / split / name / "deeper" / f"{i}.png")
    made = from_folder(tmp_path, size=5)
    assert made.classes == ("a", "b")
    assert [len(getattr(made, part)) for part in PARTS] == [12, 8, 10]
    (tmp_path / "test" / "c").mkdir()
    refused(
        lambda: from_folder(tmp_path, size=5),
        DataError,
        f"{tmp_path} must have the same classes in each split, and not all have 'c'",
    )


def test_what_systems_leave_in_folders_is_passed_over(pets):
    expected = from_folder(pets, size=4).fingerprint
    (pets / ".DS_Store").write_bytes(b"x")
    (pets / "cats" / "Thumbs.db").write_bytes(b"x")
    (pets / "cats" / "._0.png").write_bytes(b"x")
    (pets / ".cache").mkdir()
    assert from_folder(pets, size=4).fingerprint == expected


def test_damaged_and_foreign_files_are_all_named(pets):
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "JPEG")
    (pets / "cats" / "torn.jpg").write_bytes(content.getvalue()[:900])
    (pets / "dogs" / "notes.txt").write_text("good dogs")
    (pets / "dogs" / "page.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (pets / "dogs" / "gone.png").symlink_to("nowhere.png")
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(pets / "owls" / "deep.png")
    with pytest.raises(DataError) as caught:
        from_folder("pets", size=4)
    said = str(caught.value)
    assert said.startswith("pets must hold pictures only, and 5 of its 35 files cannot be read as such: ")
    assert said.endswith("; repair or remove them")
    assert "cats/torn.jpg (damaged: image file is truncated" in said
    assert "dogs/gone.png (no file), dogs/notes.txt (no picture), dogs/page.eps (no picture), " in said
    assert "owls/deep.png (more than 8 bits per channel; save it with 8)" in said


def test_a_picture_that_would_fill_the_memory_is_named(pets, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    picture(size=(20, 15)).save(pets / "cats" / "large.png")
    refused(
        lambda: from_folder("pets", size=4),
        DataError,
        "pets must hold pictures only, and 1 of its 31 files cannot be read as such: cats/large.png (more than 200 "
        "pixels); repair or remove them",
    )


def test_folders_and_arguments_that_cannot_be_are_refused(pets, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "only").mkdir(parents=True)
    picture().save(tmp_path / "one" / "only" / "a.png")
    for call, error, sentence in (
        (lambda: from_folder("none", size=4), DataError, "none is not there; check the path"),
        (
            lambda: from_folder("pets/cats/0.png", size=4),
            DataError,
            "pets/cats/0.png must be a folder of pictures and is a file; name the folder",
        ),
        (
            lambda: from_folder("empty", size=4),
            DataError,
            "empty must have a folder for each class and has none; sort the pictures into folders",
        ),
        (
            lambda: from_folder("one", size=4),
            DataError,
            "one has one class only, 'only'; telling classes apart takes at least two",
        ),
        (
            lambda: from_folder("pets", size=0),
            UsageError,
            "size must be a whole number from 1 to 4096 (it is a side of the pictures in pixels), got 0",
        ),
        (
            lambda: from_folder("pets", size=(1, 2, 3)),
            UsageError,
            "size must be a height and a width, or one number for both, got (1, 2, 3)",
        ),
        (lambda: from_folder("pets", size=4, colour="no"), UsageError, "colour must be True or False, got 'no'"),
    ):
        refused(call, error, sentence)
    picture().save(pets / "loose.png")
    refused(
        lambda: from_folder("pets", size=4),
        DataError,
        "pets must have pictures in the folders of their classes only and has 1 file beside them, such as 'loose.png'; "
        "move or remove them",
    )
