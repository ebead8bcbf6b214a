"""Exercises: tell a reader whether an answer is right, and if not, which kind of mistake it has."""

from collections.abc import Callable

STUB = "your code here"  # what the stub of an answer raises, as a NotImplementedError


def check(number: int, answer: object, test: Callable[[object], None]) -> None:
    """Run `test(answer)` and print one line: not answered yet, what is wrong, or correct.

    An answer that is `...` or raises the NotImplementedError of an exercise's stub is not answered yet. The test
    asserts with a message that names the kind of mistake and does not give the answer away.

    Args: number, of the exercise on its page; answer, what the reader wrote; test, takes the answer.
    """
    try:
        if answer is ...:
            raise NotImplementedError(STUB)
        test(answer)
    except AssertionError as mistake:
        verdict = f"not right yet: {mistake}"
    except Exception as error:  # whatever a wrong answer raises is news to its reader, not a failure of the page
        # torch raises a NotImplementedError, too, for what it cannot compute
        is_stub = isinstance(error, NotImplementedError) and str(error) == STUB
        verdict = "not answered yet" if is_stub else f"your code stopped with {type(error).__name__}: {error}"
    else:
        verdict = "correct"
    print(f"Exercise {number}: {verdict}")
