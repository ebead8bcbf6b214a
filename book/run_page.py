"""Execute a page with other parameters and write the executed notebook to another file.

    python book/run_page.py chapters/1_data/02_split_dataset.ipynb out.ipynb -p seed 1 -f profile.yaml

This is papermill with its mistakes made impossible: a parameter that the page does not have (papermill only
warns and then runs with the defaults), a value that is not plain, and writing over the page itself.
"""

import argparse
import json
import sys
from pathlib import Path

import nbformat
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillException


def quoted(path: Path) -> str:
    """A path in quotes and in ASCII, so that a message stays one line whatever the path holds."""
    return ascii(str(path))


def plain_value(text: str, origin: str) -> object:
    """The value that a YAML text stands for: None, a truth value, a number, a string, or a list or mapping of these.

    Raises: ValueError, which names `origin`, for a text that is not YAML or stands for anything else.
    """
    try:
        value = yaml.safe_load(text)
        json.dumps(value)  # refuses dates and sets, which papermill would pass on as strings, and circular values
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{origin}: not a plain YAML value ({reason}). Write a number, true, false or a text in quotes."
        ) from error
    return value


def read_parameters(file: Path | None, pairs: list[tuple[str, str]]) -> dict[str, object]:
    """The parameters of a YAML file, if one is given, and of (name, YAML text) pairs, which win.

    Raises: ValueError, which names the file or the pair, for what cannot be read or is no parameter.
    """
    parameters = {}
    if file is not None:
        remedy = "Give a YAML file with one `name: value` a line, such as `seed: 1`."
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise ValueError(f"{quoted(file)}: cannot be read ({reason}). {remedy}") from error
        parameters = plain_value(text, quoted(file))
        parameters = {} if parameters is None else parameters  # an empty file
        if not isinstance(parameters, dict):
            raise ValueError(f"{quoted(file)}: holds {type(parameters).__name__}, not a mapping. {remedy}")
        if wrong := [name for name in parameters if not (isinstance(name, str) and name.isidentifier())]:
            raise ValueError(f"{quoted(file)}: {wrong[0]!a} is no name of a parameter. {remedy}")
    for name, text in pairs:
        if not name.isidentifier():
            raise ValueError(f"-p: {name!a} is no name of a parameter. Write -p NAME VALUE, such as -p seed 1.")
        parameters[name] = plain_value(text, f"-p {name!a}")
    return parameters


def known_parameters(page: Path) -> list[str]:
    """The names of a page's parameters, in their order.

    Raises: ValueError if `page` is no notebook.
    """
    remedy = "Give a notebook, such as chapters/1_data/02_split_dataset.ipynb."
    if not page.is_file():
        raise ValueError(f"{quoted(page)}: no such page. {remedy}")
    try:
        nbformat.validate(json.loads(page.read_text(encoding="utf-8")))
        return list(papermill.inspect_notebook(str(page)))
    except Exception as error:  # neither package says which errors a damaged notebook may cause
        reason = str(error).partition("\n")[0][:100]
        raise ValueError(f"{quoted(page)}: not a notebook that can be run ({reason}). {remedy}") from error


def check_out(page: Path, out: Path) -> None:
    """Make the folder of `out`. Raises: ValueError if `out` cannot be written or is the page itself."""
    remedy = "Choose another output file."
    try:
        str(out).encode()  # the name becomes part of the notebook, which is UTF-8
        if out.is_dir():
            raise ValueError(f"{quoted(out)}: is a folder. {remedy}")
        if out.exists() and out.samefile(page):
            raise ValueError(f"{quoted(out)}: this would write over the page. {remedy}")
        out.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or "not a UTF-8 name"
        raise ValueError(f"{quoted(out)}: cannot be written ({reason}). {remedy}") from error


def run_page(page: Path, out: Path, parameters: dict[str, object]) -> None:
    """Execute `page` in its folder with `parameters`; the result is `out`, with a cell that shows them.

    Raises: ValueError, before anything is written, for a page, a parameter or an `out` that is refused;
    PapermillExecutionError, after `out` was written, when a cell fails.
    """
    known = known_parameters(page)
    if unknown := sorted(set(parameters) - set(known)):
        has = f"The page has: {', '.join(known)}." if known else "The page has none."
        raise ValueError(f"{quoted(page)}: no parameter {', '.join(unknown)}. {has}")
    check_out(page, out)
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
        run_page(options.page, options.out, read_parameters(options.file, options.parameter))
    except (ValueError, OSError, PapermillException, DeadKernelError) as error:
        print(f"run_page: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
