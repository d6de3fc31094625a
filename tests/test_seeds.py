"""Seeds that depend on what they are for, and on nothing else."""

import hashlib

import pytest

from lab.seeds import MOST_SEEDS, derive


@pytest.mark.parametrize(("seed", "names"), [(0, ("dense_1", "kernel")), (7, ("batches", 3)), (2**63 - 1, ())])
def test_a_seed_is_the_first_31_bits_of_a_hash_of_its_names(seed, names):
    text = "/".join(map(str, (seed, *names)))
    bits = bin(int(hashlib.sha256(text.encode()).hexdigest(), 16) + 2**256)[3:]
    assert derive(seed, *names) == int(bits[:31], 2)


def test_seeds_that_runs_were_made_from_stay():
    # Measured on the first version; other numbers would make other runs of the same declarations.
    assert derive(0, "dense_1", "kernel") == 896564008


def test_a_seed_knows_which_choice_it_is_for_and_so_the_seed_of_that_choice_in_another_run():
    derived = derive(3, "dense_1", "kernel")
    assert derived.names == ("dense_1", "kernel")
    assert derived.of_run(0) == derive(0, "dense_1", "kernel")
    assert derived.of_run(0).names == derived.names
    assert type(derived)(5).names == ()


def test_ten_thousand_seeds_are_the_most():
    assert MOST_SEEDS == 10_000
