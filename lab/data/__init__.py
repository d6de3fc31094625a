"""Data: every loader returns a `Dataset`, three disjoint splits cut from one data seed.

The embedded default is `digits`; `fashion_mnist`, `mnist`, `cifar10` and `cifar100` come through Keras's cache;
`spirals`, `circles`, `moons`, `convnetjs_circle`, `convnetjs_spiral`, `cs231n_strength` and `cs231n_capacity` are
points in the plane, to look at; `from_arrays`, `from_npy`, `from_npz`, `from_frame`, `from_csv`, `from_parquet` and
`from_folder` (of pictures) take people's own data. `features` wraps any of them: a frozen net makes the examples.

All loaders are plain functions with keyword arguments, made for `functools.partial`, and share five arguments:

    train_size       how many training examples are kept; None keeps all. A smaller training split lies inside
                     a larger one of the same seed.
    validation_size  how many validation examples there are. Where the data has no validation split of its own
                     they are cut from the training part: by default a fifth of it, at most 10 000, and
                     never more than is left.
    test_size        the same for the test split. A test split of the data's own stays the test split, whole
                     by default.
    label_noise      the share of the training labels that are wrong, in [0, 1]: each of them is replaced, on a
                     copy, by another class, all of them equally likely. Validation and test labels stay right.
    seed             the data seed, which decides all of this and is not the seed of a run.

`digits` and the loaders of people's own data take a sixth:

    fold             (i, k): the test split is part i of the data cut into k parts, from 0: see `lab.data.folds`.

Where an example has one class, every split has all classes: in proportion, unless groups or times decide the cut
(`lab.data.groups_and_time`). Neither `train_size` nor `label_noise` changes which examples validate and test. Splits
that are given, and not cut here, must not share more examples than chance explains (`lab.data.overlap`). Impossible
sizes and noise are a `UsageError`, files and contents that cannot be used a `DataError`. Importing this room loads
neither TensorFlow nor scikit-learn nor pandas.

    dataset             the values: `Dataset`, `Split`; overlap: no example in two splits
    splitting           how the splits are cut; every_class, folds, groups_and_time, weights: what a cut heeds
    images, planar      the data sets by name; formats, points: their content; keras_cache: where the files are
    arrays              people's arrays; conversion, labels: what is taken as numbers and as labels
    files               .npz archives; npz_file: their reader
    npy_files           .npy files that stay on the disk; rows: examples that do
    tables              DataFrames, and how any table is cut; table_roles: what its columns are for
      csv_file          CSV files; csv_table: their reader
      parquet           Parquet files
      columns           which columns are numbers and which categories; frame_cells: the cells of a DataFrame
      preprocessing     how columns become features; standardization: mean 0 and deviation 1
    folder              folders of pictures
    frozen_backbone     the features that a frozen, pretrained net makes of examples; feature_store: kept for later
    description         a dataset's preprocessing, classes and scale as JSON, to be written beside a model
"""

from lab.data.arrays import from_arrays
from lab.data.csv_file import from_csv
from lab.data.dataset import Dataset, Split
from lab.data.files import from_npz
from lab.data.folder import from_folder
from lab.data.frozen_backbone import features
from lab.data.images import cifar10, cifar100, digits, fashion_mnist, mnist
from lab.data.npy_files import from_npy
from lab.data.parquet import from_parquet
from lab.data.planar import (
    circles,
    convnetjs_circle,
    convnetjs_spiral,
    cs231n_capacity,
    cs231n_strength,
    moons,
    spirals,
)
from lab.data.preprocessing import Preprocessing
from lab.data.tables import from_frame

__all__ = [
    "Dataset",
    "Preprocessing",
    "Split",
    "cifar10",
    "cifar100",
    "circles",
    "convnetjs_circle",
    "convnetjs_spiral",
    "cs231n_capacity",
    "cs231n_strength",
    "digits",
    "fashion_mnist",
    "features",
    "from_arrays",
    "from_csv",
    "from_folder",
    "from_frame",
    "from_npy",
    "from_npz",
    "from_parquet",
    "mnist",
    "moons",
    "spirals",
]
