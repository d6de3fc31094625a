"""The range of each field of `Training` and `Regularization`: its ends, what lies beyond, and what is said there."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from lab.checks import UsageError
from lab.regularization import Regularization, of_inputs, structures
from lab.training import Training, pieces
from lab.training.rates import factors

COUNT, PROBABILITY, STRENGTH, POSITIVE = "a whole number of at least 1", "in [0, 1)", "at least 0", "above 0"
STEPS = "a whole number from 0 to 16777216"
BELOW_ONE = math.nextafter(1, 0)
ENDS = {  # accepted, refused
    COUNT: ([1, 2**63 - 1], [0, 1.0, True, None]),
    STEPS: ([0, 2**24], [-1, 2**24 + 1, 0.0]),
    PROBABILITY: ([0, BELOW_ONE], [-1e-9, 1, math.nan, "0"]),
    "in [0, 1]": ([0, 1], [-1e-9, 1 + 1e-9]),
    "in (0, 1]": ([1e-30, 1], [0, 1 + 1e-9]),
    STRENGTH: ([0, 1e30], [-1e-9, math.inf, False, None]),
    POSITIVE: ([1e-30, 1e30], [0, -1e-9, math.inf]),
    "at least 1": ([1, 1e30], [BELOW_ONE, math.inf]),
}
FIELDS = {
    Training: {
        "learning_rate": (POSITIVE, "the step size at the start"),
        "momentum": (PROBABILITY, "the share of the last step kept in the next"),
        "beta_1": (PROBABILITY, "the decay of the first moment"),
        "beta_2": (PROBABILITY, "the decay of the second moment"),
        "rho": (PROBABILITY, "the decay of the squared gradient"),
        "accumulator": (STRENGTH, "where the squared gradient of adagrad starts"),
        "epsilon": (POSITIVE, "what keeps an adaptive optimizer from dividing by zero"),
        "decay_rate": (POSITIVE, "how fast the learning rate falls"),
        "decay_steps": ("at least 1", "the time scale of the decay in steps"),
        "cycles": (COUNT, "how often the learning rate falls"),
        "batch_size": (COUNT, "the number of examples per step"),
        "patience": (COUNT, "the number of epochs without a better validation data loss after which a run ends"),
        "measured": (COUNT, "the number of training examples that are measured after each epoch"),
        "min_delta": (STRENGTH, "the fall of the validation data loss that counts"),
        "label_smoothing": (PROBABILITY, "the share of the target spread over the classes"),
        "weight_decay": (STRENGTH, "the decoupled decay of the kernels"),
        "focal": (STRENGTH, "the exponent that makes examples count less which are already right"),
        "noise_robust": ("in [0, 1]", "the exponent of the generalized cross-entropy"),
        "confidence_penalty": (STRENGTH, "the weight of the entropy of the predicted classes"),
        "flooding": (STRENGTH, "the level of the data loss below which training climbs"),
        "clip_norm": (POSITIVE, "the largest norm of a step's gradients"),
        "gradient_noise": (STRENGTH, "the variance of the noise on the gradients"),
        "sharpness": (STRENGTH, "the radius of sharpness-aware minimization"),
        "adaptive_sharpness": (STRENGTH, "the radius of adaptive sharpness-aware minimization"),
        "adversarial": (STRENGTH, "how far an attack moves each number of an example"),
        "r_drop": (STRENGTH, "the weight of how far two passes with different masks are apart"),
        "gradient_penalty": (STRENGTH, "the weight of the squared slope of the data loss at each example"),
        "ema": (PROBABILITY, "the share of the average of the weights kept in a step"),
        "swa": ("in [0, 1]", "the share of the epochs whose weights are averaged"),
        "swa_every": (COUNT, "the number of epochs after which weights join"),
        "lookahead": (STEPS, "the number of steps between two meetings of slow and fast weights"),
        "lookahead_pull": ("in (0, 1]", "how far slow weights go towards fast ones"),
        "manifold_mixup": (STRENGTH, "the alpha of the Beta distribution of shares"),
        "mixup": (STRENGTH, "the alpha of the Beta distribution of shares"),
        "shift": (STEPS, "the most pixels by which an image is moved"),
        "cutout": (STEPS, "the height and width of a square that is set to 0"),
        "cutmix": (STRENGTH, "the alpha of the Beta distribution of shares"),
        "row_cutmix": (STRENGTH, "the alpha of the Beta distribution of shares"),
        "swap_noise": (PROBABILITY, "the probability with which a number is replaced"),
    },
    Regularization: {
        "l1": (STRENGTH, "the strength of the L1 penalty on the weights"),
        "l2": (STRENGTH, "the strength of the L2 penalty on the weights"),
        "l2_start": (STRENGTH, "the strength of the L2 penalty on how far the weights are from their start"),
        "activity_l1": (STRENGTH, "the strength of the L1 penalty on the activations"),
        "activity_l2": (STRENGTH, "the strength of the L2 penalty on the activations"),
        "noise": (STRENGTH, "the standard deviation of the Gaussian noise"),
        "dropout": (PROBABILITY, "the probability of dropping a unit"),
        "dropconnect": (PROBABILITY, "the probability of dropping a weight"),
        "gaussian_dropout": (PROBABILITY, "the rate of dropout whose variance the noise has"),
        "batch_momentum": (PROBABILITY, "the share of the moving statistics kept in a step"),
        "groups": (COUNT, "the number of groups of channels"),
        "ghost_size": (COUNT, "the number of examples that are normalized together"),
        "max_norm": (POSITIVE, "the largest norm of the weights into one unit"),
        "spatial_dropout": (PROBABILITY, "the probability of dropping a channel"),
        "dropblock": (PROBABILITY, "the share of the values that is dropped in squares"),
        "block_size": (COUNT, "the height and width of a dropped square"),
        "stochastic_depth": (PROBABILITY, "the probability of dropping the last residual branch"),
        "group_inputs": (STRENGTH, "the strength of the group lasso on the inputs of a kernel"),
        "group_units": (STRENGTH, "the strength of the group lasso on the units of a kernel"),
        "orthogonal": (STRENGTH, "the strength of the orthogonal penalty"),
    },
}
CASES = [pytest.param(owner, name, *rest, id=name) for owner, of in FIELDS.items() for name, rest in of.items()]
OPTIONAL = ("patience", "measured", "clip_norm", "max_norm")


def refusal(call, *arguments, **named):
    with pytest.raises(UsageError) as caught:
        call(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize(("owner", "name", "rule", "meaning"), CASES)
def test_a_field_takes_both_ends_of_its_range_and_nothing_beyond(owner, name, rule, meaning):
    accepted, refused = ENDS[rule]
    for value in accepted:
        stored = getattr(owner(**{name: value}), name)
        assert stored == value
        assert type(stored) is (int if "whole" in rule else float), "one value has one identity"
        of_numpy = getattr(owner(**{name: np.array(value)[()]}), name)
        assert (of_numpy, type(of_numpy)) == (value, type(stored))
    for value in refused:
        if value is not None or name not in OPTIONAL:
            assert refusal(owner, **{name: value}) == f"{name} must be {rule} (it is {meaning}), got {value!r}"


def test_every_number_of_a_training_and_of_a_regularization_has_a_range_here():
    for owner, known in FIELDS.items():
        numbers = {one.name for one in dataclasses.fields(owner) if not isinstance(one.default, str | bool)}
        assert numbers - {"epochs"} == set(known)


def test_what_is_for_images_and_for_whole_kernels_is_named():
    assert structures.OF_IMAGES == ("spatial_dropout", "dropblock")
    assert structures.OF_WHOLE_KERNELS == ("group_inputs", "group_units", "orthogonal")
    assert structures.KERNELS == ("plain", "normalized", "standardized")
    assert of_inputs.OF_IMAGES == ("flip", "shift", "cutout", "cutmix", "trivial_augment")

    assert of_inputs.OF_TABLES == ("swap_noise", "row_cutmix")


def test_epochs_have_an_end():
    from lab.training import MOST_EPOCHS

    assert Training(epochs=MOST_EPOCHS).epochs == MOST_EPOCHS
    assert refusal(Training, epochs=MOST_EPOCHS + 1) == (f"epochs must be at most {MOST_EPOCHS}, got {MOST_EPOCHS + 1}")


def test_the_defaults_are_those_that_were_frozen():
    frozen = json.loads((Path(__file__).parent / "defaults.json").read_text(encoding="utf-8"))
    for owner in FIELDS:
        expected = next(
            found for found in _mappings(frozen) if {one.name for one in dataclasses.fields(owner)} <= set(found)
        )
        for field in dataclasses.fields(owner):
            assert expected[field.name] == field.default, field.name


def _mappings(content):
    if isinstance(content, dict):
        yield content
        for value in content.values():
            yield from _mappings(value)


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [(Training, name, "x") for name in ("optimizer", "schedule", "loss")]
    + [(Training, name, 1) for name in ("replacement", "proximal", "flip", "trivial_augment")]
    + [(Regularization, name, "x") for name in ("normalization", "kernels")],
)
def test_words_and_flags_are_checked(owner, name, value):
    rule = "one of '" if value == "x" else "True or False, "
    assert refusal(owner, **{name: value}).startswith(f"{name} must be {rule}")


@pytest.mark.parametrize(
    ("owner", "fields", "said"),
    [
        (
            Training,
            {"mixup": 0.5, "cutmix": 0.25},
            "mixup, cutmix, row_cutmix and manifold_mixup must not be combined, got mixup, cutmix; keep one of them",
        ),
        (
            Training,
            {"sharpness": 0.5, "adversarial": 0.5},
            "sharpness, adaptive_sharpness, adversarial, r_drop and gradient_penalty must not be combined, as each "
            "takes a second pass, got sharpness, adversarial; keep one of them",
        ),
        (
            Training,
            {"ema": 0.5, "swa": 0.25},
            "ema and swa must not be combined, as one average is measured, got 0.5 and 0.25; set one of them to 0",
        ),
        (
            Training,
            {"r_drop": 0.5, "loss": "hinge"},
            "r_drop must be 0 for the loss 'hinge' (it compares probabilities or numbers), got 0.5; choose "
            "softmax_cross_entropy or leave it out",
        ),
        (
            Training,
            {"focal": 1, "noise_robust": 0.5},
            "label_smoothing, focal and noise_robust must not be combined, got focal, noise_robust",
        ),
        (
            Training,
            {"label_smoothing": 0.5, "noise_robust": 0.5},
            "label_smoothing, focal and noise_robust must not be combined, got label_smoothing, noise_robust",
        ),
        *(
            (
                Training,
                {name: 0.5, "loss": "hinge"},
                f"{name} changes a cross-entropy and means nothing for 'hinge', got 0.5",
            )
            for name in ("focal", "noise_robust", "confidence_penalty")
        ),
        (
            Training,
            {"label_smoothing": 0.5, "loss": "squared_error"},
            "label_smoothing spreads the target of a cross-entropy and means nothing for the loss 'squared_error', got "
            "0.5; set it to 0 or choose softmax_cross_entropy",
        ),
        (
            Regularization,
            {"dropconnect": 0.5, "kernels": "normalized"},
            "kernels must be 'plain' with dropconnect, as a layer does one or the other, got 'normalized'; leave one "
            "of them out",
        ),
        (
            Regularization,
            {"l2_start": 0.5, "group_units": 1, "orthogonal": 1},
            "l2_start must not be combined with a penalty on whole kernels, got group_units, orthogonal beside it; "
            "leave one of them out",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_and_each_goes_by_itself(owner, fields, said):
    assert refusal(owner, **fields) == said
    for name in fields:
        if name != "loss":
            owner(**{name: fields[name]})


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("name", ["focal", "noise_robust", "confidence_penalty", "label_smoothing"])
def test_each_cross_entropy_can_be_changed(loss, name):
    assert getattr(Training(loss=loss, **{name: 0.5}), name) == 0.5


@pytest.mark.parametrize(
    ("fields", "shape", "said"),
    [
        *(
            (
                {name: value},
                (8,),
                f"{name} must be {off!r} for examples of shape (8,) (it is for images of height, width and channels), "
                f"got {value!r}; leave it out",
            )
            for name, value, off in (("flip", True, False), ("shift", 1, 0), ("cutout", 1, 0), ("cutmix", 0.5, 0.0))
        ),
        (
            {"swap_noise": 0.5},
            (8, 8, 1),
            "swap_noise must be 0 for examples of shape (8, 8, 1) (it is for rows of a table), got 0.5; leave it out",
        ),
    ],
)
def test_what_is_for_images_is_not_for_tables_and_the_other_way_round(fields, shape, said):
    assert refusal(Training(**fields).check_inputs, shape) == said
    Training(**fields).check_inputs((8,) if len(shape) == 3 else (8, 8, 1))
    Training().check_inputs(shape)


def test_several_classes_at_once_have_an_output_each_and_a_loss_of_their_own():
    several = Training(loss="binary_cross_entropy")
    assert several.outputs(7, several=True) == 7
    assert refusal(Training().outputs, 7, several=True) == (
        "loss must be 'binary_cross_entropy' where an example may have several classes, got 'softmax_cross_entropy'"
    )
    for name in ("focal", "noise_robust"):
        assert refusal(Training(loss="binary_cross_entropy", **{name: 0.5}).outputs, 7, several=True) == (
            f"{name} must be 0 where an example may have several classes, got 0.5"
        )
    assert Training(loss="squared_error").outputs(5) == 5
    assert Training(loss="squared_error").outputs(None) == 1
    assert Training(loss="squared_error").chance(None) is None


@pytest.mark.parametrize(("examples", "steps"), [(1, 1), (10, 1), (11, 2), (20, 2)])
def test_an_epoch_has_as_many_steps_as_its_examples_fill(examples, steps):
    plain, drawn = Training(batch_size=10, mixup=0.5), Training(batch_size=10, replacement=True)
    assert plain.steps(examples) == steps == len(pieces(np.arange(examples), 10))
    assert (plain.visits(examples), drawn.visits(examples)) == (examples, 10 * steps)
    assert (plain.order(examples, 0, 1).dtype, drawn.order(examples, 0, 1).dtype) == (np.int32, np.int32)
    shares = plain.shares(examples, 0, 1)
    assert (shares.shape, shares.dtype) == ((steps,), np.float32)
    assert np.all((shares >= 0) & (shares < 1))
    assert drawn.shares(examples, 0, 1).tolist() == [1.0] * steps
    assert plain.rates(examples).shape == (50, steps)


def test_shares_follow_from_the_seed_the_word_mixup_and_the_epoch():
    from lab.seeds import derive

    expected = np.random.default_rng(derive(3, "mixup", 2)).beta(0.25, 0.25, 5).astype(np.float32)
    np.testing.assert_array_equal(Training(mixup=0.25, batch_size=10).shares(50, 3, 2), expected)


@pytest.mark.parametrize(
    ("measured", "examples", "validation", "count"),
    [(None, 60_000, 1, None), (None, 60_001, 5000, 5000), (None, 60_001, 1, 2000), (9, 10, 1, 9), (10, 10, 1, None)],
)
def test_how_many_training_examples_are_measured(measured, examples, validation, count):
    part = Training(measured=measured).part(examples, validation)
    if count is None:
        assert part is None
    else:
        assert (len(part), part.dtype) == (count, np.int32)
        assert np.all(np.diff(part) > 0)
        np.testing.assert_array_equal(part, Training(measured=count).part(examples, 3))


SCHEDULES = {
    "constant": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    "cosine": [0.5 + 0.5 * math.cos(math.pi * t / 10) for t in range(10)],
    "cosine_restarts": [0.5 + 0.5 * math.cos(math.pi * (t % 5) / 5) for t in range(10)],
    "exponential": [0.25 ** (t / 4) for t in range(10)],
    "inverse_time": [1 / (1 + 0.25 * t / 4) for t in range(10)],
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ten_steps_of_a_schedule(schedule):
    np.testing.assert_allclose(factors(schedule, 10, 0.25, 4, 2), SCHEDULES[schedule], rtol=1e-12)
    assert factors(schedule, 10, 0.25, 4, 2).dtype == np.float64
