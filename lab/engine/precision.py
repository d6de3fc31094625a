"""The precision of products: float32, or formats that some hardware multiplies several times faster.

"exact" is float32. "fast" rounds the factors of a product, but neither its sums nor what is kept: to bfloat16 on
processors with AMX units, and to TF32 on GPUs of compute capability 8 and more. oneDNN reads its setting when
TensorFlow loads, so the precision is one of the process, and nothing here imports TensorFlow.

Processors with AVX512_BF16 but without AMX gain nothing: with oneDNN 3.7 a cohort of dense and one of convolutional
nets had the same bits in both modes there, and took as long.
"""

import os
import sys
from pathlib import Path
from typing import Any

from lab.checks import UsageError, choice

PRECISIONS = ("exact", "fast")

PROCESSOR = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")
"""The places where Linux lists what the processor can do, and the GPUs."""

UNITS = "amx_bf16"
"""The flag of a processor that multiplies bfloat16 faster than float32."""

TF32 = (8, 0)
"""The lowest compute capability of a GPU with TF32."""

_MODE = "TF_SET_ONEDNN_FPMATH_MODE"


def check(precision: str) -> None:
    """Refuse a precision that gains nothing on this machine, or that this process can no longer have.

    Raises:
        UsageError: an unknown precision, "fast" on a machine without the units for it, or another one than TensorFlow
            was loaded for.
    """
    choice("precision", precision, PRECISIONS)
    check_hardware(precision)
    loaded = loaded_for()
    if loaded not in (None, precision):
        set_by = f" ({_MODE} was set)" if loaded == "fast" else ""
        raise UsageError(
            f"precision must be {loaded!r} in this process, got {precision!r}: TensorFlow was loaded for {loaded} "
            f"products{set_by} and cannot change; start another process, or restart the notebook's kernel"
        )


def check_hardware(precision: str) -> None:
    """Refuse a precision that gains nothing on this machine, whatever TensorFlow was loaded for.

    Raises:
        UsageError: "fast" on a machine without the units for it.
    """
    if precision == "fast" and not has_units() and not _has_gpu():
        raise UsageError(
            f"precision must be 'exact' on this machine, got 'fast', which gains nothing here: its processor has no "
            f"units for products of bfloat16 ({UNITS} is not in {PROCESSOR}), and there is no GPU; leave it out"
        )


def loaded_for() -> str | None:
    """Return the precision for which TensorFlow was loaded in this process; None if it was not loaded yet."""
    if "tensorflow" not in sys.modules:
        return None
    return "fast" if os.environ.get(_MODE, "").upper() == "BF16" else "exact"


def prepare(precision: str) -> None:
    """Set the environment variable that TensorFlow reads when it is loaded, whatever it was before."""
    if precision == "fast":
        os.environ[_MODE] = "BF16"
    else:
        os.environ.pop(_MODE, None)


def settle(tf: Any, precision: str) -> None:
    """Set the precision of the GPUs, once TensorFlow has found them: its own default is TF32.

    Raises:
        UsageError: the precision is "fast", and neither the processor nor any GPU that TensorFlow can use gains by it.
    """
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.experimental.enable_tensor_float_32_execution(precision == "fast")
    if precision == "exact" or (not gpus and has_units()):
        return
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    if not any(capability >= TF32 for capability in capabilities):
        found = ", ".join(f"{major}.{minor}" for major, minor in capabilities) or "no GPU"
        raise UsageError(
            f"precision must be 'exact' on this machine, got 'fast', which gains nothing here: TF32 takes a GPU of "
            f"compute capability {TF32[0]}.{TF32[1]}, and TensorFlow found {found}; leave it out in a new process"
        )


def has_units() -> bool:
    """Say whether the processor multiplies bfloat16 faster than float32."""
    try:
        return UNITS in PROCESSOR.read_text(encoding="utf-8").split()
    except OSError:
        return False


def _has_gpu() -> bool:
    return GPUS.is_dir() and any(GPUS.iterdir())
