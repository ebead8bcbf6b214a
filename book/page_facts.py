"""The line under the title of a page that says how long it takes, and how to run it: made, not typed."""

import math
import re

import nbformat

WORDS_A_MINUTE = 150  # slower than prose: there are code and figures between
FACTS = re.compile(r"\n\n\*\*Time\*\* .*", flags=re.S)


def words(page: nbformat.NotebookNode) -> int:
    """The number of words in the text cells of a page, formulas and tables included."""
    return sum(len(cell.source.split()) for cell in page.cells if cell.cell_type == "markdown")


def reading_minutes(page: nbformat.NotebookNode) -> int:
    """Minutes to read a page, without the exercises' own time."""
    title = page.cells[0].source
    without = words(page) - len(title.split()) + len(FACTS.sub("", title).split())
    return math.ceil(without / WORDS_A_MINUTE)


def rounded(seconds: float) -> int:
    """Up to the next 5 s: the time differs from run to run, and a page should not change with it."""
    return max(5, 5 * math.ceil(seconds / 5))


def with_facts(page: nbformat.NotebookNode, name: str, seconds: float) -> str:
    """The first cell of a page, with its last paragraph made anew.

    Args: name, such as chapters/1_data/02_split_dataset; seconds, of running the whole page.
    """
    facts = (
        f"**Time** {reading_minutes(page)} minutes to read, about {rounded(seconds)} seconds to run. "
        "To run a copy of this page, get the book's project; in its folder,\n"
        f"`make page P={name}` installs everything, `helpers` included, draws the data and runs it."
    )
    return f"{FACTS.sub('', page.cells[0].source).rstrip()}\n\n{facts}"


def stored_seconds(page: nbformat.NotebookNode) -> int | None:
    """What the first cell says now."""
    found = re.search(r"about (\d+) seconds to run", page.cells[0].source)
    return int(found[1]) if found else None
