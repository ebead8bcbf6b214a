"""Exercises: tell a reader whether an answer is right, and if not, which kind of mistake it has."""

from collections.abc import Callable


def check(number: int, answer: object, test: Callable[[object], None]) -> None:
    """Run `test(answer)` and print one line: not answered yet, what is wrong, or correct.

    An answer that is `...` or raises NotImplementedError, as the stub of an exercise does, is not answered yet. The
    test asserts with a message that names the kind of mistake and does not give the answer away.

    Args: number, of the exercise on its page; answer, what the reader wrote; test, takes the answer.
    """
    try:
        if answer is ...:
            raise NotImplementedError
        test(answer)
    except NotImplementedError:
        verdict = "not answered yet"
    except AssertionError as mistake:
        verdict = f"not right yet: {mistake}"
    except Exception as error:  # whatever a wrong answer raises is news to its reader, not a failure of the page
        verdict = f"your code stopped with {type(error).__name__}: {error}"
    else:
        verdict = "correct"
    print(f"Exercise {number}: {verdict}")
