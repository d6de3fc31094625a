"""Few cases that hold every pair of choices: the matrix of what the lab offers, without its million combinations."""

import itertools
from collections.abc import Mapping, Sequence


def covering(*groups: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """Return cases in which every pair of choices of one group occurs, found greedily and always the same.

    Choices of different groups meet as they come: the groups' cases are laid side by side.
    """
    columns = [_pairwise(group) for group in groups]
    longest = max(len(cases) for cases in columns)
    return [
        {name: choice for cases in columns for name, choice in cases[i % len(cases)].items()} for i in range(longest)
    ]


def _pairwise(group: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    names = sorted(group, key=lambda name: -len(group[name]))
    missing = {
        ((a, x), (b, y))
        for a, b in itertools.combinations(names, 2)
        for x in range(len(group[a]))
        for y in range(len(group[b]))
    }
    cases = []
    while missing:
        (a, x), (b, y) = min(missing, key=repr)
        case = {a: x, b: y}
        for name in names:
            if name not in case:
                # The choice that covers most of what is missing; of equals the one used least so far.
                case[name] = max(
                    range(len(group[name])),
                    key=lambda c, name=name: (
                        sum(_pair(names, name, c, other, case[other]) in missing for other in case),
                        -sum(made[name] == c for made in cases),
                        -c,
                    ),
                )
        missing -= {_pair(names, p, case[p], q, case[q]) for p, q in itertools.combinations(names, 2)}
        cases.append(case)
    return [{name: group[name][case[name]] for name in group} for case in cases]


def _pair(names: Sequence[str], a: str, x: int, b: str, y: int) -> tuple[tuple[str, int], tuple[str, int]]:
    return ((a, x), (b, y)) if names.index(a) < names.index(b) else ((b, y), (a, x))
