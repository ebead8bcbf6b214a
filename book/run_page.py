"""Execute a page with other parameters and write the executed notebook to another file.

    python book/run_page.py chapters/1_data/02_split_dataset.ipynb out.ipynb -p seed 1 -f profile.yaml

This is papermill with two mistakes made impossible: a parameter that the page does not have (papermill only
warns and then runs with the defaults), and writing over the page itself.
"""

import argparse
import sys
from pathlib import Path

import papermill
import yaml
from papermill.exceptions import PapermillException


def check_parameters(page: Path, parameters: dict[str, object]) -> None:
    """Raise ValueError, which names the parameters the page has, if it lacks one of `parameters`."""
    known = papermill.inspect_notebook(str(page))
    if unknown := sorted(set(parameters) - set(known)):
        raise ValueError(f"{page}: no parameter {', '.join(unknown)}. The page has: {', '.join(known)}.")


def run_page(page: Path, out: Path, parameters: dict[str, object]) -> None:
    """Execute `page` in its folder with `parameters`; the result is `out`, with a cell that shows them.

    Raises: ValueError for an unknown parameter or `out` equal to `page`; PapermillExecutionError, after
    `out` was written, when a cell fails.
    """
    if out.resolve() == page.resolve():
        raise ValueError(f"{out}: this would write over the page. Choose another output file.")
    if not page.is_file():
        raise ValueError(f"{page}: no such page.")
    check_parameters(page, parameters)
    out.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        str(page), str(out), parameters, kernel_name="python3", cwd=str(page.parent), progress_bar=False
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("-f", "--file", type=Path, help="a YAML file of parameters; -p wins over it")
    options = parser.parse_args(arguments)
    try:
        parameters = yaml.safe_load(options.file.read_text()) or {} if options.file else {}
        parameters |= {name: yaml.safe_load(value) for name, value in options.parameter}
        run_page(options.page, options.out, parameters)
    except (ValueError, OSError, PapermillException, yaml.YAMLError) as error:
        print(f"run_page: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
