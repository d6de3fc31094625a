"""The pages: results/<experiment>/index.html and results/index.html, each one file that needs no network.

Made from the tables of `lab.results` alone: the question, the answer in one sentence, the comparison, charts that
can be asked for their values, and how it was run. Nothing here needs Keras.

    answer             the sentence
    series, strengths  what the charts show, as compact tables
    charts, path_charts, vegalite    how they show it
    look               the figures' colours and markers, for light and dark screens
    rows, how          the comparison and the conditions of the runs, in words
    cards, small       an experiment as one of many, and studies
    files              the documents
"""

from lab.pages.answer import answer
from lab.pages.write import experiment_page, index_page, study_page

__all__ = ["answer", "experiment_page", "index_page", "study_page"]
