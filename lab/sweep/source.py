"""Where another process finds an experiment: its script, its data and its sizes, as JSON and back.

No function, model or array travels between processes. Each loads the same script and makes the same declaration of it,
and the ids of the runs say whether it did.
"""

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab.data
from lab.checks import UsageError, shown
from lab.cli.find import OWN, find
from lab.experiment import Experiment


@dataclass(frozen=True)
class Source:
    """An experiment as another process can find it.

    Args:
        script: the path of the script that declares it.
        loader: that of the data that take the place of the script's, as `--data` names it; None leaves those.
        called: the name of these data.
        sizes: what is given to `lab.experiment.Experiment.resized`; None leaves a size as it is.
    """

    script: Path
    loader: Callable | None = None
    called: str = ""
    sizes: Mapping[str, Any] = field(default_factory=dict)

    def experiment(self) -> Experiment:
        """Return the experiment.

        Raises:
            UsageError: as `lab.cli.find.find`; also a script that declares a study.
        """
        found = find(str(self.script))
        if not isinstance(found, Experiment):
            raise UsageError(f"{self.script} must declare an experiment where workers train, got {shown(found)}")
        moved = found if self.loader is None else found.with_data(self.loader, self.called)
        return moved.resized(**self.sizes)

    def to_json(self) -> dict[str, Any]:
        """Return the source in JSON types."""
        # The lab's own scripts may lie elsewhere on another machine.
        own = self.script.parent == OWN
        return {
            "script": self.script.stem if own else str(self.script),
            "own": own,
            "loader": None if self.loader is None else _loader_to_json(self.loader),
            "called": self.called,
            "sizes": {name: value for name, value in self.sizes.items() if value is not None},
        }


def from_json(value: Mapping[str, Any]) -> Source:
    """Return the source that `Source.to_json` made JSON of."""
    script = OWN / f"{value['script']}.py" if value["own"] else Path(value["script"])
    loader = None if value["loader"] is None else _loader_from_json(value["loader"])
    return Source(script, loader, value["called"], value["sizes"])


def of_script(script: str | Path | None) -> Source:
    """Return the source of an experiment that is run as its script declares it.

    Args:
        script: its path; None takes the script that this process runs.

    Raises:
        UsageError: this process runs no script, as in a notebook, or there is no such file.
    """
    named = script if script is not None else getattr(sys.modules.get("__main__"), "__file__", None)
    if named is None:
        raise UsageError(
            "script must name the file that declares the experiment where workers train (they load it themselves), "
            "got None in a process that runs no script; write the experiment into one"
        )
    path = Path(named).resolve()
    if not path.is_file():
        raise UsageError(f"script must be the path of a script in Python, got {shown(str(named))}, which is no file")
    return Source(path)


def _loader_to_json(loader: Callable) -> dict[str, Any]:
    """Return a loader of `lab.data` with its arguments, which `--data` binds, in JSON types."""
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = {}
    function = loader
    if isinstance(loader, functools.partial):
        function, arguments, keywords = loader.func, loader.args, loader.keywords
    return {"name": function.__name__, "paths": [str(path) for path in arguments], "keywords": dict(keywords)}


def _loader_from_json(value: Mapping[str, Any]) -> Callable:
    loader = getattr(lab.data, value["name"])
    if not value["paths"]:
        return loader
    # JSON has no tuples.
    keywords = {name: tuple(one) if isinstance(one, list) else one for name, one in value["keywords"].items()}
    return functools.partial(loader, *map(Path, value["paths"]), **keywords)
