"""Files and folders by their content, and which of them a piece of code names."""

import functools
import glob
import hashlib
from collections.abc import Iterator
from pathlib import Path


def hashed(data: bytes) -> str:
    """Return 12 hexadecimal digits that stand for some bytes."""
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def file_hash(path: Path) -> str:
    """Return the hash of a file's bytes, or of the names and bytes of all files in a folder.

    A folder with the working folder inside also holds what the lab writes, so that it has no content of its own.

    Raises:
        OSError: the file is not there or cannot be read.
    """
    if path.is_dir():
        if holds(path, Path.cwd()):
            return "the working folder"
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.parent.name != "__pycache__")
        return hashed("\n".join(f"{file.relative_to(path).as_posix()} {file_hash(file)}" for file in files).encode())
    seen = path.stat()
    return _bytes_hash(path.resolve(), seen.st_mtime_ns, seen.st_size)


@functools.lru_cache(maxsize=1024)
def _bytes_hash(path: Path, *_changes: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=6)).hexdigest()


def holds(folder: Path, inner: Path) -> bool:
    """Say whether a folder is another one or one of those around it."""
    return folder.resolve() in (inner.resolve(), *inner.resolve().parents)


def place(text: str, code: Path) -> str | None:
    """Return what stands for a text that is the absolute path of a folder, or of something beside the code.

    The same code in another folder is the same. Folders around the code stand for themselves: what code reads from
    them it names, and the lab writes there.

    Args:
        text: what may be a path.
        code: the folder of the code that has it.
    """
    path = Path(text)
    try:
        if "\0" in text or not path.is_absolute() or path == Path(path.anchor) or path.is_file():
            return None
        if holds(path, code):
            return "a folder around the code"
        if path.is_dir():
            return file_hash(path)
        return path.relative_to(code).as_posix() if path.is_relative_to(code) else None
    except OSError:
        return None


def named_files(text: str, code: Path, *, pattern: bool) -> Iterator[Path]:
    """Yield the file that a text names, if it names one, in the working folder or beside the code.

    Args:
        text: a file's name or path; as a pattern, "*" stands for what is only known when the code runs.
        code: the folder of the code.
        pattern: whether the text is a pattern.
    """
    if not 2 < len(text) < 500 or "." not in text or "\n" in text or "\0" in text:
        return
    for path in (Path(text), code / text.lstrip("/")):
        try:
            found = [Path(file) for file in sorted(glob.glob(str(path)))] if pattern else [path]
            found = [file for file in found if file.is_file()]
        except OSError:
            continue
        yield from found
        if found:
            return
