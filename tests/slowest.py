"""A pytest plugin (`-p tests.slowest`): the run ends with its 20 slowest tests and its 20 slowest pages.

A page is a notebook that nbval runs; its time is the sum over its cells, and includes the start of its kernel. `make
test` runs the tests and then the pages, so the table of the tests is kept in pytest's cache and printed once more after
the pages. Under pytest-xdist the reports of all workers arrive at the process that prints.
"""

from collections import Counter

import pytest

COUNT = 20
KEPT = "book/slowest-tests"


def seconds_by_name(terminalreporter) -> tuple[Counter, Counter]:
    """Seconds of each test, its fixtures included, and of each page."""
    tests, pages = Counter(), Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                file = report.nodeid.partition("::")[0]
                if file.endswith(".ipynb"):
                    pages[file] += report.duration
                else:
                    tests[report.nodeid] += report.duration
    return tests, pages


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter, config):
    """After everything else that pytest prints, except the line that counts."""
    yield
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist: it sees a part, and prints nothing
        return
    tests, pages = seconds_by_name(terminalreporter)
    slowest = tests.most_common(COUNT)
    if slowest:
        config.cache.set(KEPT, slowest)
    elif pages:
        slowest = config.cache.get(KEPT, [])
        config.cache.set(KEPT, [])  # a later run of pages alone does not show it again
    for kind, table in (("tests", slowest), ("pages", pages.most_common(COUNT))):
        if table:
            terminalreporter.section(f"slowest {kind}")
            for name, seconds in table:
                terminalreporter.write_line(f"{seconds:7.2f} s  {name}")
