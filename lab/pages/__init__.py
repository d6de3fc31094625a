"""The pages: index.html of each experiment and study, the guide, and the playground; they need no network.

Made only from the tables of `lab.results`: the question, the answer in one sentence, the comparison, charts that can
be asked for their values, and how it was run. The playground is made from the points of `lab.data` and trains in the
browser. Nothing here needs Keras. One file per part of a page:

    answer             the sentence
    table              the comparison
    chart_measures     the columns that the chart over the epochs can show
    measures_table     more metrics of the test split
    epochs_series      its data; packing: as short text; templates/epochs.js: how it is drawn
    forest_chart       the differences with their intervals
    heat_map           each pair of two settings that vary
    strengths_chart    the chart of a strength path
    runs_table         the table of all runs
    provenance         how it was run
    studies            a study's words and figures
    guide              the guide: an experiment as one of many; sparkline: its small chart
    overview           the facts by which the guide compares and filters experiments
    playground         small nets that train in the browser: what is offered there, and the lab's points
    experiment         what a page holds; charts: its charts and their data, for the script
    playbook_panel     what to ask of an experiment before its differences are believed
    reliability_panel  how sure a model is against how often it is right
    sheet              an experiment on one sheet of paper, as PDF
    write              the documents; policy: what they may load
    render             fills templates/; compact: without indentation
    vegalite           shared by the charts: scales and rows; look: the figures' colours on light and dark screens
    assets             the scripts of a page: Vega, and the page's own, whose files in templates/ each say what they do
"""

from lab.pages.answer import answer
from lab.pages.experiment import curves_of
from lab.pages.sheet import one_page
from lab.pages.write import experiment_page, index_page, live_page, playground_page, single_file, study_page

__all__ = [
    "answer",
    "curves_of",
    "experiment_page",
    "index_page",
    "live_page",
    "one_page",
    "playground_page",
    "single_file",
    "study_page",
]
