"""Reports and pages in Japanese: no text without its translation, and what users wrote as they wrote it."""

import ast
import re
import string
import warnings
from pathlib import Path

import pytest

import lab
from experiments import CHAPTERS
from lab import pages, report
from lab.cli import options
from lab.pages import playground
from lab.pages.experiment import contents, curves_of
from lab.pages.sheet import heading_lines
from lab.report import theme
from lab.report.save import NO_FONT
from lab.results.schema import PLAYGROUND_FILE
from lab.results.tables import read_tables
from lab.statistics import DECISIONS, VERDICTS
from lab.statistics.language import LANGUAGES, catalogue, say, speaking, spoken
from lab.statistics.scope import NOTES
from tests.playground import SLIDERS, Played
from tests.test_page_curves import rich

HOME = Path(lab.__file__).parent
TEMPLATES = [path for path in (HOME / "pages" / "templates").rglob("*") if path.suffix in (".j2", ".js")]
SAID = re.compile(r'\b(?:say|named)\(\s*"((?:[^"\\]|\\.)*)"')

# Words of a Japanese page that are names: of files, formats, libraries, keys and settings.
NAMES = {
    *("none", "l1", "l2", "or", "less", "rich", "Does", "it", "help", "PNG", "SVG", "CSV", "Ctrl", "Shift", "pandas"),
    *("csv", "histories", "summary", "comparison", "JavaScript", "python", "lab", "export", "page", "p"),
    *("Nadeau", "and", "Bengio", "t"),
}
PLAYGROUND_NAMES = {
    *("L1", "L2", "w", "h", "tanh", "relu", "leaky_relu", "elu", "sigmoid", "linear", "adam", "momentum", "sgd"),
    *("ConvNetJS", "CS231n", "dense", "float32", "playground", "py"),
}

# What is read of a page, also where it is not seen: labels, titles and choices.
TEXT = """() => [document.body.innerText,
  ...[...document.querySelectorAll('[aria-label], [aria-valuetext], [title], [placeholder], option')].flatMap(one =>
    [one.ariaLabel, one.ariaValueText, one.title, one.placeholder, one.tagName === 'OPTION' ? one.textContent : ''])
].join(' ')"""


def words_in_latin(text: str) -> set[str]:
    """The words of a text that are written with letters of English. A name may hold digits and underscores."""
    return set(re.findall(r"[A-Za-z][A-Za-z0-9_]*", text))


def literals() -> set[str]:
    """The texts that are passed to `say` or `named` as they stand."""
    found = {text.replace('\\"', '"') for path in TEMPLATES for text in SAID.findall(path.read_text())}
    for source in (path.read_text() for path in HOME.rglob("*.py")):
        if "from lab.statistics.language import" not in source:
            continue  # Its `say`, if any, tells the terminal, which speaks English.
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "named") and node.args:
                text = node.args[0]
                choices = [text.body, text.orelse] if isinstance(text, ast.IfExp) else [text]
                found |= {one.value for one in choices if isinstance(one, ast.Constant)}
    return found


def written() -> set[str]:
    """All texts of the sources: what is said is among them, though it may be said by another name."""
    found = literals()
    for path in [*HOME.rglob("*.py"), *(HOME.parent / "experiments").glob("__init__.py")]:
        found |= {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found


@pytest.mark.parametrize("language", LANGUAGES[1:])
class TestCatalogue:
    def test_the_chapters_of_the_guide_have_their_translations(self, language):
        assert set(CHAPTERS) - set(catalogue(language)) == set()

    def test_every_text_that_is_said_has_its_translation(self, language):
        assert literals() - set(catalogue(language)) == set()

    def test_what_tables_and_files_say_has_its_translation(self, language):
        assert {*DECISIONS, *VERDICTS, *NOTES, *NOTES.values()} - set(catalogue(language)) == set()

    def test_what_the_playground_offers_has_its_translation(self, language):
        offers = [text for one in SLIDERS for text in (one.label, one.about)]
        offers += [*playground.REGULARIZERS, *playground.TITLES.values(), *(words for words, _ in playground.TRIES)]
        assert set(offers) - set(catalogue(language)) == set()

    def test_no_translation_is_of_a_text_that_nobody_says(self, language):
        # A few are made of a name with its underscores.
        made = {text.replace("_", " ") for text in written()}
        assert set(catalogue(language)) - written() - made == set()

    def test_a_translation_has_the_values_of_its_text(self, language):
        def values(text: str) -> list[str]:
            return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

        assert {text: said for text, said in catalogue(language).items() if values(text) != values(said)} == {}

    def test_no_translation_is_left_in_english(self, language):
        left = {text for text, said in catalogue(language).items() if text == said}
        assert {text for text in left if re.search("[a-z]{2}", re.sub(r"\{\w+\}", "", text))} == set()


def test_the_command_line_takes_the_languages():
    assert options.LANGUAGES == LANGUAGES


def test_english_is_spoken_unless_another_is_asked_for_and_again_afterwards():
    assert spoken() == "en"
    with speaking("ja"):
        assert say("{count} runs", count=3) == "3 回の実行"
    assert say("{count} runs", count=3) == "3 runs"


@pytest.mark.parametrize(
    ("who", "before", "after"), [("dropout", " ", " "), ("36 条件中 8 条件", " ", ""), ("重み", "", "")]
)
def test_a_space_is_left_around_a_name_and_none_between_japanese_words(who, before, after):
    with speaking("ja"):
        assert say("{who} are worse, {amounts}", who=who, amounts="0.1").startswith(f"{who}{after}は悪くなりました")
        closest = say("; the closest is {variant}, at {value}", variant="a", value=who)
        assert closest == f"。最も近いのは a で、差は{before}{who}{after}です"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An experiment whose page, and the guide beside it, are in Japanese."""
    made = rich(tmp_path_factory.mktemp("pages") / "rich")
    with speaking("ja"):
        pages.experiment_page(made)
        pages.index_page(made.parent)
    return made


class TestPages:
    @pytest.mark.parametrize("width", [1280, 390])
    @pytest.mark.parametrize("page", ["rich/index.html", "index.html"])
    def test_no_english_is_left_on_a_page_but_names(self, folder, opened, page, width):
        seen = opened(folder.parent / page, width, drawn="all" if "/" in page else "")
        assert seen.page.locator("html").get_attribute("lang") == "ja"
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        if "/" in page:
            seen.page.locator("#runs-table tbody tr").first.wait_for()
        assert words_in_latin(seen.page.evaluate(TEXT)) - NAMES == set()
        assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        assert seen.complaints == []

    def test_the_answer_of_every_kind_is_one_sentence(self, folder):
        with speaking("ja"):
            tables = read_tables(folder)
            found = contents(folder, tables, curves_of(tables))
        assert found.answer.endswith("。")
        assert found.title == "Does it help?"

    def test_a_choice_keeps_its_place_in_the_address_whatever_the_language(self, folder, opened):
        seen = opened(folder / "index.html")
        seen.page.get_by_label("指標").select_option("正解率")
        seen.page.wait_for_selector("#curves[aria-busy=false]")
        assert seen.page.url.endswith("#metric=accuracy")
        assert "正解率" in seen.page.locator("#curves").inner_text()


class TestPlayground:
    def test_it_trains_and_no_english_is_left_but_names_and_its_script(self, opened, tmp_path):
        with speaking("ja"):
            seen = opened(pages.playground_page(tmp_path))
        page, played = seen.page, Played(seen, tmp_path / PLAYGROUND_FILE)
        page.evaluate(
            """() => {
              window.drawn = [];
              const fill = CanvasRenderingContext2D.prototype.fillText;
              CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
                window.drawn.push(text);
                fill.call(this, text, ...place);
              };
            }"""
        )
        for summary in page.locator("summary").all():
            summary.press("Enter")
        read = [page.evaluate(TEXT)]
        page.locator("#size").select_option("20")
        page.locator("#seeds").select_option("5")
        page.locator("#epochs").select_option("100")
        read += [played.trained(2).text("#summary")]
        page.locator("#keep").press("Enter")
        read += [page.evaluate(TEXT)]
        for name in ("l1", "l2", "dropout", "patience"):
            page.locator(f"#{name}").press("End")
        page.locator("#widths").select_option("4")
        page.locator("#learning_rate").select_option("0.03")
        page.locator("#batch_size").select_option("8")
        page.locator("#play").press("Enter")
        page.locator("#said", has_text="終わりました").wait_for()
        for points in ("1, 2", f"{10**40}, 1, 赤", "1, 2, 赤", "1, 2, 赤\n2, 3, 青"):
            page.locator("#points").fill(points)
            page.locator("#use-points").press("Enter")
            read += [played.text("#points-said")]
        read += [page.evaluate(TEXT), *page.evaluate("window.drawn")]
        assert page.locator("html").get_attribute("lang") == "ja"
        assert "早期終了" in page.locator("#table").inner_text()
        assert "判定: " in played.text("#compared")
        assert words_in_latin(" ".join(read)) - PLAYGROUND_NAMES == set()
        script = page.locator("#script").input_value()
        assert script.startswith('"""What changes on moons with elastic net 0.5 + 0.5, dropout 0.7, early stopping 5?')
        assert script.isascii()
        assert seen.complaints == []


class TestFigures:
    def test_japanese_figures_want_a_font_and_are_english_with_one_warning_without(self, tmp_path, monkeypatch):
        folder = rich(tmp_path / "rich")
        tables = read_tables(folder)
        drawn = {}
        for language, fonts in (("en", True), ("ja", False)):
            if not fonts:
                monkeypatch.setattr(theme, "_WIDE_FONTS", ())
                for cached in (theme._families, theme._shown):
                    cached.cache_clear()
            with speaking(language), warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                paths = report.draw_all(tables.histories, tables.summary, tables.comparison, tmp_path / language)
            assert [str(one.message) for one in told] == ([] if fonts else [NO_FONT])
            drawn[language] = [path.read_bytes() for path in paths]
        monkeypatch.undo()
        for cached in (theme._families, theme._shown):
            cached.cache_clear()
        assert drawn["ja"] == drawn["en"]

    @pytest.mark.skipif(not theme.can_write("正則化"), reason="no font with Japanese characters is installed")
    def test_a_japanese_figure_has_japanese_labels(self, tmp_path):
        tables = read_tables(rich(tmp_path / "rich"))
        with speaking("ja"):
            ax = report.overlay(tables.histories)
        assert ax.get_xlabel() == "エポック"
        assert ax.get_ylabel() == "検証のデータ損失"

    @pytest.mark.parametrize(
        ("heading", "lines"),
        [
            ("difference in test data loss", ["difference in", "test data", "loss"]),
            ("テストのデータ損失の差", ["テストの", "データ損失の差"]),
            ("検証のデータ損失", ["検証の", "データ損失"]),
            ("検証の正解率", ["検証の正解率"]),
            ("テストの正解率", ["テストの", "正解率"]),
            ("バランス正解率の差", ["バランス正解率の", "差"]),
        ],
    )
    def test_a_heading_of_the_sheet_is_broken_between_phrases(self, heading, lines):
        assert heading_lines(heading) == lines

    def test_a_text_without_spaces_is_broken_where_it_may_be(self):
        assert theme.lines("線は中央値、帯は中央。", 8) == ["線は中央", "値、帯は", "中央。"]
        assert theme.lines("from weak to strong", 10) == ["from weak", "to strong"]
