"""Numbers and labels as people hand them over, as arrays in which every value is what they meant.

NumPy converts nearly everything: it drops masks, spells None as a text, and makes one text of 1 and "1". Here such a
value is refused, with its place and what to do.
"""

import numpy as np

from lab.checks import DataError, shown


def array(value: object, where: str, kinds: str, what: str, remedy: str) -> np.ndarray:
    """Return a value as an array.

    Args:
        value: an array, or anything that NumPy makes an array of.
        where: what it is called in refusals.
        kinds: the kinds of NumPy's types that are accepted, as in "iuf".
        what: those kinds in words.
        remedy: code that converts Python objects to these kinds.

    Raises:
        DataError: a missing value (masked, None, NaN among objects), something that is no array, another type.
    """
    if hasattr(value, "toarray"):
        raise DataError(f"{where} must be an array, got a sparse {type(value).__name__}; give {where[0]}.toarray()")
    if isinstance(value, list | tuple) and any(isinstance(one, np.ma.MaskedArray) for one in value):
        raise DataError(f"{where} must be one array, got masked arrays in a list; join them with numpy.ma.stack")
    if isinstance(value, np.ma.MaskedArray):
        _refuse_missing(np.ma.getmaskarray(value), where, "masked")
    if value is None or isinstance(value, str | bytes | dict | set | frozenset):
        raise DataError(f"{where} must be an array, got {shown(value)}; give numbers or labels as a NumPy array")
    try:
        made = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{where} must be an array, and its rows are not of one length") from error
    if made.dtype.kind == "O":
        _refuse_objects(made, where, what, remedy)
    if made.dtype.kind == "U" and isinstance(value, list | tuple):
        _refuse_mixed(value, where)
    if made.dtype.kind not in kinds:
        raise DataError(f"{where} must hold {what}, got {made.dtype}{_hint(made.dtype.kind, where[0])}")
    return made


def _refuse_missing(missing: np.ndarray, where: str, word: str) -> None:
    if missing.any():
        first = [int(i) for i in np.argwhere(missing)[0]]
        raise DataError(
            f"{where} must have no missing values and has {int(missing.sum())} ({word}), the first at {first}; fill or "
            f"remove them"
        )


def _refuse_objects(objects: np.ndarray, where: str, what: str, remedy: str) -> None:
    if objects.ndim == 0:
        raise DataError(
            f"{where} must be an array, got {type(objects[()]).__name__}; give numbers or labels as a NumPy array"
        )
    # Missing is what does not equal itself, and pandas's NA, which does not answer.
    missing = [one is None or type(one).__name__ in ("NAType", "NaTType") or _is_nan(one) for one in objects.flat]
    _refuse_missing(np.array(missing, bool).reshape(objects.shape), where, "None, NaN or NA")
    large = next((one for one in objects.flat if isinstance(one, int) and abs(one) >= 2**63), None)
    if large is not None:
        help_ = "give the labels as texts" if where.startswith("y") else "scale them down"
        raise DataError(f"{where} must hold numbers of at most 64 bits, got {shown(large)}; {help_}")
    raise DataError(f"{where} holds Python objects instead of {what}; convert it first, as in {remedy}")


def _is_nan(value: object) -> bool:
    return isinstance(value, float | np.floating) and value != value


def _refuse_mixed(values: list | tuple, where: str) -> None:
    for one in values:
        if isinstance(one, list | tuple):
            _refuse_mixed(one, where)
        elif not isinstance(one, str | np.ndarray):
            raise DataError(
                f"{where} must hold texts or numbers and holds both, such as {shown(one)}; make all of them texts or "
                f"all of them numbers"
            )


def _hint(kind: str, name: str) -> str:
    """Return what to do about a type that is not accepted, as the end of a sentence."""
    hints = {
        "U": f"; convert texts to numbers, as in {name}.astype('float32')",
        "S": f"; convert bytes to texts, as in {name}.astype(str)",
        "T": f"; convert the texts, as in {name}.astype(str)",
        "c": f"; give {name}.real and {name}.imag as numbers of their own",
        "M": "; give dates as numbers, such as days since the first one",
        "m": "; give durations as numbers, such as seconds",
        "V": "; join the fields with numpy.lib.recfunctions.structured_to_unstructured",
    }
    return hints.get(kind, "")
