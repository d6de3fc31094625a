"""Plant faults and print which are noticed: `python -m tests.mutation --room lab.results --sample 20 --seed 3`.

Without `--sample` all faults are planted, which takes hours; without `--room` they are planted in each room. Each fault
and who noticed it is written to mutants/<room>.txt.
"""

import argparse
import os
import tempfile
from pathlib import Path

from tests.mutation.asking import Verdict, ask, drawn
from tests.mutation.faults import faults
from tests.mutation.planting import copied, import_heavy
from tests.mutation.reach import record
from tests.mutation.rooms import ROOMS, ROOT, files_of, is_room


def main(words: list[str] | None = None) -> None:
    """Plant and ask, room by room."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--room", action="append", help="a room or a module in it, such as lab.results.logs")
    parser.add_argument("--sample", type=int, help="how many faults of each room, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    options = parser.parse_args(words)
    for room in options.room or ():
        if not is_room(room):
            parser.error(f"--room must be one of {', '.join(ROOMS)}, or a module in one of them, got {room}")
    os.nice(10)  # hours beside other work
    import_heavy()
    shares = {}
    for room in options.room or ROOMS:
        verdicts = _planted_in(room, options.sample, options.seed)
        noticed = sum(bool(verdict.by) for verdict in verdicts)
        print(f"{room}: {noticed} of {len(verdicts)}", flush=True)
        shares[room] = (noticed, len(verdicts))
    print()
    for room, (noticed, of) in shares.items():
        print(f"{room}: {noticed} of {of} faults that were planted are noticed ({noticed / of:.0%})")


def _planted_in(room: str, sample: int | None, seed: int) -> list[Verdict]:
    kept = ROOT / "mutants"
    kept.mkdir(exist_ok=True)
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files_of(room)}
    candidates = [fault for path, text in sources.items() for fault in faults(path, text)]
    verdicts = []
    with (
        tempfile.TemporaryDirectory() as folder,
        copied(Path(folder).resolve() / "tree") as tree,
        open(kept / f"{room}.txt", "w", encoding="utf-8") as report,
    ):
        reaches = record(room, tree, kept)
        for fault in drawn(candidates, sample, seed):
            verdict = ask(fault, reaches, tree)
            verdicts.append(verdict)
            said = f"noticed by {verdict.by}" if verdict.by else f"not noticed by {verdict.asked} tests"
            report.write(f"{said}: {fault}\n")
            report.flush()
            if not verdict.by:
                print(f"{said}: {fault}", flush=True)
    return verdicts


if __name__ == "__main__":
    main()
