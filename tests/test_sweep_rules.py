"""The small rules of a sweep, on fakes and files: nothing here trains."""

import dataclasses
import functools
import json
import sys
import types
from pathlib import Path

import pandas as pd
import pytest

import lab.data
import lab.models
from lab.checks import DataError, UsageError
from lab.experiment import Experiment, Variant
from lab.plan import Unloaded
from lab.results.failures import Failure, current_failures, forget_failure, is_unloaded, read_failures, write_failure
from lab.statistics.scope import generalizes_over
from lab.sweep import deciding, failing, growing, removal, resumption, source, state, status
from lab.sweep.about import about
from lab.sweep.failing import Failing
from lab.sweep.progress import Progress, TimeLeft, both, heard_by, lines, listening
from lab.sweep.unpublished import TrainedRun
from lab.training import Training


def refusal(call, *arguments, error=UsageError, **named):
    with pytest.raises(error) as caught:
        call(*arguments, **named)
    return str(caught.value)


def run_of(name="a-seed0-r1", variant="a", seed=0, fold=None):
    return types.SimpleNamespace(name=name, variant=variant, seed=seed, fold=fold)


@pytest.fixture
def resumed():
    resumption.nothing_trains()
    yield resumption
    resumption.nothing_trains()


class TestResumption:
    @pytest.mark.parametrize(
        ("epochs", "said"),
        [
            ({}, ""),
            ({"a": 0}, ": 1 run from the first epoch"),
            ({"a": 7}, ": 1 run after epoch 7"),
            ({"a": 7, "b": 7}, ": 2 runs after epoch 7"),
            ({"a": 9, "b": 7, "c": 8}, ": 3 runs after epoch 7 to 9"),
            ({"a": 1, "b": 0, "c": 0}, ": 1 run after epoch 1 and 2 runs from the first epoch"),
        ],
    )
    def test_it_is_said_from_where_runs_go_on(self, resumed, epochs, said):
        resumed.begin(epochs)
        for name, epoch in epochs.items():
            resumed.checkpointed([name], epoch)
        assert resumed.told() == said

    def test_a_run_that_begins_again_keeps_its_checkpoint_and_a_published_one_is_forgotten(self, resumed):
        resumed.begin(["a", "b"])
        resumed.checkpointed(["a"], 5)
        resumed.begin(["a", "b"])
        assert resumed.told() == ": 1 run after epoch 5 and 1 run from the first epoch"
        resumed.published("a")
        resumed.published("never begun")
        assert resumed.told() == ": 1 run from the first epoch"
        resumed.nothing_trains()
        assert resumed.told() == ""

    def test_an_answer_lasts_as_long_as_its_context(self, resumed):
        assert resumed.answered() == ""
        with resumed.forgotten():
            resumed.so_far("so far, so good")
            assert resumed.answered() == "so far, so good\n"
        assert resumed.answered() == ""
        resumed.so_far("so far")
        with pytest.raises(ValueError, match="x"), resumed.forgotten():
            raise ValueError("x")
        assert resumed.answered() == ""


class TestFailing:
    def test_a_failure_is_a_file_and_comes_back(self, tmp_path):
        plain, folded = Failure("a-seed0-r1", "a", 0, None, "why"), Failure("a-seed0-fold2", "a", 0, 2, "not")
        for one in (plain, folded):
            write_failure(tmp_path, one)
        assert json.loads((tmp_path / "failed" / "a-seed0-r1.json").read_text()) == {
            "schema": 1,
            "variant": "a",
            "seed": 0,
            "reason": "why",
        }
        assert json.loads((tmp_path / "failed" / "a-seed0-fold2.json").read_text())["fold"] == 2
        (tmp_path / "failed" / "b.json").write_text("{")
        (tmp_path / "failed" / ".c.json").write_text("{}")
        assert read_failures(tmp_path) == {one.name: one for one in (folded, plain)}
        assert list(read_failures(tmp_path)) == ["a-seed0-fold2", "a-seed0-r1"]
        assert [is_unloaded(one) for one in (plain, folded)] == [False, True]
        assert is_unloaded(Failure("a-seed0", "a", 0, None, ""))
        assert current_failures(tmp_path, ["a-seed0-r1"], ["b"]) == [plain]
        assert current_failures(tmp_path, [], ["a"]) == [folded]
        (tmp_path / "runs" / "a-seed0-r1").mkdir(parents=True)
        assert current_failures(tmp_path, ["a-seed0-r1"], ["a"]) == [folded]
        forget_failure(tmp_path, "a-seed0-fold2")
        forget_failure(tmp_path, "a-seed0-fold2")
        assert list(read_failures(tmp_path)) == ["a-seed0-r1"]

    def test_a_run_that_failed_before_is_skipped_and_what_had_no_data_is_forgotten(self, tmp_path):
        write_failure(tmp_path, Failure("a-seed0-r1", "a", 0, None, "why"))
        write_failure(tmp_path, Failure("a-seed1", "a", 1, None, "no data"))
        write_failure(tmp_path, Failure("b-seed0-r1", "b", 0, None, "another declaration"))
        runs = [run_of(), run_of("a-seed1-r1", seed=1)]
        sweep = Failing(tmp_path, runs, [Unloaded("c", 2, None, "no file")])
        assert sweep.skipped == {"a-seed0-r1": "why"}
        assert list(read_failures(tmp_path)) == ["a-seed0-r1", "b-seed0-r1"]
        told = []
        sweep.tell(Progress(on_failure=lambda run, reason: told.append((run.variant, run.seed, reason))))
        assert told == [
            ("c", 2, "no file"),
            ("a", 0, "why (it failed before and is not tried again; --retry-failed tries it)"),
        ]
        assert Failing(tmp_path, runs, [], retry=True).skipped == {}
        (tmp_path / "runs" / "a-seed0-r1").mkdir(parents=True)
        (tmp_path / "runs" / "a-seed0-r1" / "run.json").write_text("{}")
        (tmp_path / "runs" / "a-seed0-r1" / "history.csv").write_text("")
        assert Failing(tmp_path, runs, []).skipped == {}

    def test_failures_are_written_down_and_forgotten_when_their_runs_are_published(self, tmp_path):
        sweep = Failing(tmp_path, [], [])
        told = sweep.progress()
        told.on_failure(run_of(fold=(2, 5)), "one")
        told.on_failure(run_of("b-seed0-r1", "b"), "two")
        assert sweep.reasons == ["one", "two"]
        assert read_failures(tmp_path)["a-seed0-r1"] == Failure("a-seed0-r1", "a", 0, 2, "one")
        told.on_end(run_of(), None)
        assert list(read_failures(tmp_path)) == ["b-seed0-r1"]

    def test_a_run_that_is_skipped_is_not_written_again(self, tmp_path):
        write_failure(tmp_path, Failure("a-seed0-r1", "a", 0, None, "why"))
        sweep = Failing(tmp_path, [run_of()], [])
        sweep.progress().on_failure(run_of(), "why, once more")
        assert read_failures(tmp_path)["a-seed0-r1"].reason == "why"

    def test_a_full_disk_costs_the_reason_only(self, tmp_path, monkeypatch):
        def full(*_):
            raise OSError("full")

        monkeypatch.setattr(failing, "write_failure", full)
        sweep = Failing(tmp_path, [], [])
        sweep.progress().on_failure(run_of(), "why")
        assert sweep.reasons == ["why"]

    @pytest.mark.parametrize(
        ("count", "said"), [(1, "0"), (2, "0; 1 other run failed too"), (3, "0; 2 other runs failed too")]
    )
    def test_the_first_reason_is_raised_and_the_others_are_counted(self, tmp_path, count, said):
        sweep = Failing(tmp_path, [], [])
        sweep.refuse()
        for reason in range(count):
            sweep.progress().on_failure(run_of(), str(reason))
        assert refusal(sweep.refuse, error=DataError) == said
        assert refusal(sweep.refuse, UsageError("x")) == said

    def test_an_error_of_no_run_is_raised_as_it_is(self, tmp_path):
        sweep = Failing(tmp_path, [], [Unloaded("c", 2, None, "no file")])
        sweep.reasons.append("no file")
        assert refusal(sweep.refuse, UsageError("the plan is wrong")) == "the plan is wrong"
        sweep.reasons.append("of a run")
        assert refusal(sweep.refuse, UsageError("x")) == "no file; 1 other run failed too"


class TestRemoval:
    @pytest.fixture
    def watched(self, tmp_path, monkeypatch):
        made = types.SimpleNamespace(now=0.0, lost=False, published={"a"}, said=[], done=[])
        monkeypatch.setattr(removal, "is_published", lambda folder, name: name in made.published)
        monkeypatch.setattr(removal, "read_experiment", lambda folder: {"runs": ["a", "b"]})
        monkeypatch.setattr(removal, "write_experiment", lambda folder, record: made.done.append((folder, record)))

        def regain():
            made.lost = False
            made.done.append("regain")

        hold = types.SimpleNamespace(is_lost=lambda: made.lost, regain=regain)
        made.removal = removal.Removal(tmp_path, hold, made.said.append, lambda: made.now)
        made.removal.progress().on_plan(2, 1)
        return made

    def test_a_folder_that_is_gone_is_made_again_and_what_was_lost_is_said(self, watched, tmp_path):
        watched.removal.progress().on_end(run_of("b"), None)
        assert (watched.removal.there, watched.done) == ({"a", "b"}, [])
        watched.lost, watched.published = True, set()
        watched.removal.look()
        assert watched.done == ["regain", (tmp_path, {"runs": ["a", "b"]})]
        assert watched.said == [
            f"{tmp_path} was removed while its runs train, with 2 runs that were published; it is made again, and what "
            "trains goes on"
        ]
        assert watched.removal.there == set()
        assert refusal(watched.removal.refuse, error=DataError) == (
            f"{tmp_path} was removed while its runs trained, and 2 published runs with it; the same command trains "
            "them again"
        )
        watched.published = {"a"}
        assert ", and 1 published runs with it; " in refusal(watched.removal.refuse, error=DataError)
        watched.published = {"a", "b"}
        watched.removal.refuse()

    def test_it_looks_once_a_second_and_when_a_run_ends(self, watched):
        told = watched.removal.progress()
        watched.lost, watched.now = True, 0.999
        told.on_epoch([], 1, 1, 0.5, [])
        assert watched.done == []
        watched.now = 1.0
        told.on_epoch([], 2, 1, 0.5, [])
        assert watched.done[0] == "regain"
        watched.lost, watched.now = True, 1.999
        told.on_epoch([], 3, 1, 0.5, [])
        assert watched.lost
        told.on_end(run_of("b"), None)
        assert not watched.lost


class TestDeciding:
    def decided(self, monkeypatch, tmp_path, tables, **options):
        ran, said = [], []

        def run(experiment, *, margin, most_seeds, progress=None, **others):
            ran.append((tuple(experiment.seeds), experiment.studies, margin, most_seeds, progress is not None, others))
            return tmp_path

        monkeypatch.setattr(deciding, "run", run)
        monkeypatch.setattr(
            "lab.results.tables.read_tables",
            lambda _: types.SimpleNamespace(
                comparison=pd.DataFrame({"decision": tables[min(len(ran), len(tables)) - 1]})
            ),
        )
        variants = {name: Variant(data=lab.data.digits, model=lab.models.dense) for name in ("a", "b", "c")}
        experiment = Experiment(name="x", variants=variants, baseline="a", seeds=(7,), **options.pop("of", {}))
        folder = deciding.run_until_decided(
            experiment, margin=0.5, progress=Progress(on_note=said.append), results_folder=tmp_path, **options
        )
        assert folder == tmp_path
        return ran, said

    def test_seeds_are_added_until_nothing_is_left_to_decide(self, monkeypatch, tmp_path):
        tables = [["baseline", "not shown", "worse"], ["baseline", "better", "worse"]]
        ran, said = self.decided(monkeypatch, tmp_path, tables)
        others = {"results_folder": tmp_path}
        assert ran == [
            (tuple(range(5)), (), 0.5, 48, True, others),
            (tuple(range(8)), (), 0.5, 48, True, others),
        ]
        assert said == ["after 5 seeds: 1 not shown, 1 worse", "after 8 seeds: 1 better, 1 worse"]

    def test_it_ends_with_the_most_seeds(self, monkeypatch, tmp_path):
        ran, _ = self.decided(monkeypatch, tmp_path, [["baseline", "not shown", "worse"]], most_seeds=8)
        assert [(len(seeds), most) for seeds, _, _, most, *_ in ran] == [(5, 8), (8, 8)]

    def test_folds_are_refused(self, monkeypatch, tmp_path):
        assert refusal(self.decided, monkeypatch, tmp_path, [["baseline"]], of={"folds": 5}) == (
            "folds must be left out where seeds are added until all is decided, as no sequential test of folds is "
            "known to the lab, got 5"
        )


class TestSource:
    def test_a_source_comes_back_from_json(self, tmp_path):
        loader = functools.partial(lab.data.from_csv, tmp_path / "x.csv", target="y", rows=[1, 2])
        made = source.Source(tmp_path / "s.py", loader, "mine", {"seeds": 3, "epochs": None})
        content = json.loads(json.dumps(made.to_json()))
        assert content == {
            "script": str(tmp_path / "s.py"),
            "own": False,
            "loader": {
                "name": "from_csv",
                "paths": [str(tmp_path / "x.csv")],
                "keywords": {"target": "y", "rows": [1, 2]},
            },
            "called": "mine",
            "sizes": {"seeds": 3},
        }
        back = source.from_json(content)
        assert (back.script, back.called, back.sizes) == (tmp_path / "s.py", "mine", {"seeds": 3})
        assert back.loader.func is lab.data.from_csv
        assert back.loader.args == (tmp_path / "x.csv",)
        assert back.loader.keywords == {"target": "y", "rows": (1, 2)}

    def test_the_labs_own_scripts_are_found_wherever_the_lab_is(self):
        own = source.Source(source.OWN / "weight_penalty.py", lab.data.digits)
        content = own.to_json()
        assert (content["script"], content["own"], content["called"]) == ("weight_penalty", True, "")
        assert content["loader"] == {"name": "digits", "paths": [], "keywords": {}}
        assert source.from_json(content) == source.Source(own.script, lab.data.digits, "", {})
        assert source.from_json(source.Source(own.script).to_json()).loader is None
        assert source.Source(own.script).experiment().name == "weight_penalty"
        assert source.Source(own.script, None, "", {"seeds": 2}).experiment().seeds == (0, 1)

    def test_a_script_must_be_a_file(self, tmp_path, monkeypatch):
        (tmp_path / "s.py").write_text("EXPERIMENT = 3\n")
        assert source.of_script(tmp_path / "s.py") == source.Source((tmp_path / "s.py").resolve())
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "__main__", types.SimpleNamespace(__file__=str(tmp_path / "s.py")))
            assert source.of_script(None) == source.Source((tmp_path / "s.py").resolve())
        assert refusal(source.of_script, tmp_path / "no.py") == (
            f"script must be the path of a script in Python, got {str(tmp_path / 'no.py')!r}, which is no file"
        )
        monkeypatch.setattr("sys.modules", {})
        assert refusal(source.of_script, None) == (
            "script must name the file that declares the experiment where workers train (they load it themselves), got "
            "None in a process that runs no script; write the experiment into one"
        )


def test_experiment_json_says_what_was_asked():
    variants = {name: Variant(data=lab.data.digits, model=lab.models.dense, training=Training()) for name in ("a", "b")}
    paths = {"f": {"a": 0.0, "b": 1.0}}
    declared = {"name": "x", "question": "Why?", "notes": "n", "variants": variants, "baseline": "a", "seeds": (3, 4)}
    data = types.SimpleNamespace(redrawn="splits", test_parts=None)
    runs = [types.SimpleNamespace(task=types.SimpleNamespace(data=data))]
    deciding_by = {"margin": 0.5, "most_seeds": None}
    content = about(Experiment(**declared, strength_paths=paths), runs, ["r1"], deciding_by)
    assert {key: value for key, value in content.items() if key != "generalizes_over"} == {
        **{"name": "x", "question": "Why?", "notes": "n", "baseline": "a", "variants": ["a", "b"], "seeds": [3, 4]},
        **{"margin": 0.5, "paths": paths, "runs": ["r1"]},
    }
    assert content["generalizes_over"] == generalizes_over([], False)
    redrawn = about(Experiment(**declared, redraw_data=True), runs, ["r1"], {})
    assert redrawn["generalizes_over"] == generalizes_over(["splits"], False) != content["generalizes_over"]
    folded = about(Experiment(**declared, folds=5), runs, ["r1"], {})
    assert (folded["folds"], folded["generalizes_over"]) == (5, generalizes_over(["splits"], True))
    assert "folds" not in content
    tested = types.SimpleNamespace(redrawn="training split", test_parts=24)
    runs = [types.SimpleNamespace(task=types.SimpleNamespace(data=tested)), *runs]
    alone = about(Experiment(**declared, redraw_data=True), runs[:1], ["r1"], {})
    assert alone["generalizes_over"] == generalizes_over(["training split"], False, test_parts=True)
    # Where one run has no parts, the test data loss cannot be compared over them.
    both_kinds = about(Experiment(**declared, redraw_data=True), runs, ["r1", "r2"], {})
    assert both_kinds["generalizes_over"] == generalizes_over(["training split", "splits"], False)


class TestProgress:
    def test_two_are_told_of_everything_one_after_the_other(self):
        told = []
        first = Progress(on_note=lambda one: told.append(("first", one)), on_plan=lambda *some: told.append(some))
        second = Progress(on_note=lambda one: told.append(("second", one)))
        progress = both(first, second)
        progress.on_note("x")
        progress.on_plan(3, 1)
        progress.on_wait("nobody listens")
        assert told == [("first", "x"), ("second", "x"), (3, 1)]

    def test_who_listens_is_told_within_the_context_only(self):
        mine = Progress()
        before = listening()
        with heard_by(mine):
            assert listening() is mine
        assert listening() is before

    def test_the_time_that_is_left_counts_runs_that_have_not_begun_with_all_their_epochs(self):
        now = [100.0]
        left = TimeLeft(5, lambda: now[0])
        assert left.after(1, 10, 2) is None
        now[0] = 104.0
        assert left.after(2, 10, 2) == (2 * 8 + 3 * 10) * 4 / 2
        now[0] = 106.0
        left.ended = 1
        assert left.after(3, 10, 1) == (1 * 7 + 3 * 10) * 6 / 3
        now[0], left.ended = 107.0, 5
        assert left.after(4, 10, 0) == 0.0

    def test_lines_name_the_run_and_its_fold(self):
        written = []
        told = lines(written.append)
        told.on_failure(run_of(), "why")
        told.on_failure(run_of(fold=(2, 5)), "why")
        told.on_refusal(run_of(), "its layer is unknown")
        assert [line.rstrip("\n") for line in written] == [
            "[1/0] a seed 0 failed: why",
            "[2/0] a seed 0 fold 2 failed: why",
            "a seed 0 trains alone: its layer is unknown",
        ]


def test_the_keys_of_a_run_that_trains_follow_from_its_name():
    assert growing._keys(Path("x/y"), "a-seed3-r1") == {"experiment": "y", "variant": "a", "seed": 3}
    assert growing._keys(Path("x/y"), "a-seed3-fold2-r1") == {"experiment": "y", "variant": "a", "seed": 3, "fold": 2}
    assert growing.TRAINING == "training"


@pytest.mark.parametrize(("kept", "expected"), [([2.0], [2.0]), (None, [1.0])])
def test_a_trained_run_has_the_model_of_its_kept_weights_or_of_the_initial_ones(kept, expected):
    class Model:
        weights = (1.0,)

        def set_weights(self, weights):
            self.weights = weights

    run = TrainedRun(types.SimpleNamespace(build=Model), types.SimpleNamespace(weights=kept))
    assert list(run.model().weights) == expected


def test_a_script_is_told_how_far_a_run_that_trains_is():
    cohort = state.Cohort(("a-seed0-r1", "b-seed0-r2"), 3, 40, (0.5, 0.25), (None, 0.75), "cohort-1.csv")
    told = status._run(status.RunStatus("b-seed0-r2", "b", 0, None, status.RUNNING, cohort))
    assert told == {
        "name": "b-seed0-r2", "variant": "b", "seed": 0, "fold": None, "status": "running", "epoch": 3, "epochs": 40,
        "train_data_loss": 0.25, "val_data_loss": 0.75,
    }  # fmt: skip
    failed = status._run(status.RunStatus("a-seed0-r1", "a", 0, 2, status.FAILED, reason="no memory"))
    assert failed == {
        "name": "a-seed0-r1", "variant": "a", "seed": 0, "fold": 2, "status": "failed", "reason": "no memory",
    }  # fmt: skip


def test_a_script_is_told_who_runs_an_experiment_and_what_is_done_now():
    sweep = state.State(
        experiment="x", process=12, host="node7", began="2026-01-02T03:04:05+00:00", elapsed=9.5, plan="p", planned=4,
        published=1, failed=0, doing="compiling", left=30.04, running=(),
    )  # fmt: skip
    runs = (status.RunStatus("a-seed0-r1", "a", 0, None, status.FINISHED),)
    found = status.Status("x", runs, "process 12 on node7", sweep, 30.04)
    told = status.to_json(found)
    assert told == {
        "experiment": "x", "runner": "process 12 on node7", "process": 12, "host": "node7",
        "began": "2026-01-02T03:04:05+00:00", "elapsed": 9.5, "left": 30.0, "doing": "compiling",
        "counts": dict.fromkeys(status.KINDS, 0) | {"finished": 1},
        "runs": [{"name": "a-seed0-r1", "variant": "a", "seed": 0, "fold": None, "status": "finished"}],
    }  # fmt: skip
    # A process that was killed runs nothing any more.
    nobody = status.to_json(dataclasses.replace(found, runner=None, left=None), with_runs=False)
    assert nobody == {name: told[name] if name in ("experiment", "counts") else None for name in told if name != "runs"}
