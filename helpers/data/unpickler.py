"""Read the pickle of an image batch in time and memory that its size bounds, and run nothing in it.

A pickle is a program for a machine with a stack. `BatchUnpickler` is that machine with the instructions that a dict
of numbers, texts, lists and arrays needs, and no other. Three rules bound what a program can do:

- It has at most `INSTRUCTIONS` instructions. Each makes at most one value, from the bytes of the file that belong to
  it; fetching a value again copies nothing.
- Nothing walks through a value that other values share: a key of a dict is text or bytes, and what is called are the
  few functions of `ALLOWED`, with at most `ARGUMENTS` arguments.
- All calls together encode no more text than the file has bytes, and take at most `NAMES` steps to build arrays.

So reading takes time in proportion to the file, and memory for a few copies of it and some 100 MB of small values.
"""

import io
import pickle
import pickletools
from collections.abc import Iterator
from reprlib import Repr
from typing import BinaryIO

import numpy as np

from helpers.paths import printable

INSTRUCTIONS = 350_000  # a batch of 10,000 images has 40,000, and 120,000 where bytes are written at protocols 0 to 2
NAMES = 256  # a batch has one array, which takes three names and four steps
ARGUMENTS = 4


class _Short(Repr):
    def repr_bytes(self, value: bytes, level: int) -> str:
        return self.repr_str(value, level)


_SHORT = _Short()


def short(value: object) -> str:
    """A few words that show a value; the whole text of a nested list can outgrow the memory."""
    return printable(_SHORT.repr(value)[:200])


class _Dtype:
    """Stands in for `numpy.dtype` in a pickle; plain numbers only."""

    def __init__(self, name: object = None, *_: object) -> None:
        if not isinstance(name, str | bytes) or len(name) > 3:
            raise pickle.UnpicklingError(f"it holds an array of type {short(name)}, not of numbers")
        name = name.decode("ascii") if isinstance(name, bytes) else name
        if np.dtype(name).kind not in "buif":
            raise pickle.UnpicklingError(f"it holds an array of type {short(name)}, not of numbers")
        self.dtype = np.dtype(name)

    def set_state(self, state: tuple) -> None:
        if (order := state[1]) in (b"<", b">", "<", ">"):
            self.dtype = self.dtype.newbyteorder(order.decode() if isinstance(order, bytes) else order)


class _Array:
    """Stands in for a NumPy array in a pickle.

    A shape or buffer size that the pickle claims is never allocated: `frombuffer` looks at the bytes that
    are there, and `reshape` refuses a shape that does not match them.
    """

    def __init__(self, *_: object) -> None:
        self.array: np.ndarray | None = None

    def set_state(self, state: tuple) -> None:
        _, shape, dtype, fortran, raw = state
        self.array = np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if fortran else "C")


def _array_from_buffer(raw: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    """Stand in for NumPy's `_frombuffer`, by which pickle protocol 5 writes an array."""
    array = _Array()
    array.array = np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)
    return array


def _latin1_bytes(text: object = "", encoding: object = "latin1") -> bytes:
    """Stand in for `_codecs.encode`, by which Python 3 writes bytes at pickle protocols 0 to 2."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"it holds bytes in encoding {short(encoding)}")
    return text.encode("latin1")


class BatchUnpickler:
    """An unpickler for a dict of numbers, strings, lists and NumPy arrays of numbers, from an open binary file.

    A pickle runs code by naming a function, which is imported and called. This one imports nothing: the few
    names that an array needs are mapped to functions of this module, every other name is refused.
    Strings written by Python 2 are returned as bytes, the keys of the outermost dict always as str.

    Reads what Python 2 writes for such a dict at protocols 1 and 2, and Python 3 at protocols 0 to 5.
    Raises: pickle.UnpicklingError for a refused name or instruction; whatever a damaged pickle provokes.
    Source: https://docs.python.org/3/library/pickle.html#restricting-globals;
    https://docs.python.org/3/library/pickletools.html on the instructions.
    """

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy.core.numeric", "_frombuffer"): _array_from_buffer,
        ("numpy._core.numeric", "_frombuffer"): _array_from_buffer,
        ("numpy", "ndarray"): None,  # only an argument of `_reconstruct`, which ignores it
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _latin1_bytes,
        ("__builtin__", "bytes"): _latin1_bytes,  # empty bytes, at protocol 2
    }

    def __init__(self, file: BinaryIO) -> None:
        data = file.read()
        self.file = io.BytesIO(data)  # in memory, where a claimed length reserves nothing
        self.left_to_encode, self.left_to_build = len(data), NAMES

    def load(self) -> dict[str, object]:
        batch = self._run()
        if type(batch) is not dict:
            raise pickle.UnpicklingError(f"it holds a {type(batch).__name__}, expected a dict")
        return {
            key.decode("latin1") if isinstance(key, bytes) else key: v.array if isinstance(v, _Array) else v
            for key, v in batch.items()
        }

    def _instructions(self) -> Iterator[tuple[str, object]]:
        """The name and the argument of each instruction up to the last."""
        for _ in range(INSTRUCTIONS):
            code = self.file.read(1)
            if not code:
                raise EOFError("it ends before its last instruction")
            if code not in _READERS:  # refused before its argument is read
                raise pickle.UnpicklingError(f"it holds instruction {code!a}, which no image batch needs")
            name, reader = _READERS[code]
            if name == "STOP":
                return
            yield name, reader(self.file) if reader else None
        raise pickle.UnpicklingError(f"it has more than {INSTRUCTIONS} instructions")

    def _run(self) -> object:
        stack: list = []  # of the values since the last mark
        marked: list[list] = []  # the stacks below each mark
        memo: dict[int, object] = {}
        for name, argument in self._instructions():
            match name:
                case "PROTO" | "FRAME":
                    pass
                case "BINSTRING" | "SHORT_BINSTRING":  # bytes of Python 2, which pickletools shows as text
                    stack.append(argument.encode("latin1"))
                case "MARK":
                    marked.append(stack)
                    stack = []
                case "PUT" | "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "MEMOIZE":
                    memo[len(memo)] = stack[-1]
                case "GET" | "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "TUPLE1":
                    stack[-1] = (stack[-1],)
                case "TUPLE2" | "TUPLE3":
                    size = int(name[-1])
                    stack[-size:] = [tuple(_last(stack, size))]
                case "TUPLE" | "LIST" | "DICT" | "APPENDS" | "SETITEMS":
                    items, stack = stack, marked.pop()
                    match name:
                        case "TUPLE":
                            stack.append(tuple(items))
                        case "LIST":
                            stack.append(items)
                        case "DICT":
                            stack.append({})
                            _set_items(stack[-1], items)
                        case "APPENDS":
                            _extend(stack[-1], items)
                        case "SETITEMS":
                            _set_items(stack[-1], items)
                case "APPEND":
                    item = stack.pop()
                    _extend(stack[-1], [item])
                case "SETITEM":
                    items = _last(stack, 2)
                    del stack[-2:]
                    _set_items(stack[-1], items)
                case "REDUCE":
                    arguments = stack.pop()
                    stack[-1] = self._call(stack[-1], arguments)
                case "BUILD":
                    state = stack.pop()
                    if not isinstance(stack[-1], _Array | _Dtype):
                        raise pickle.UnpicklingError(f"it sets attributes of a {type(stack[-1]).__name__}")
                    self._count_a_step()
                    stack[-1].set_state(state)
                case "GLOBAL":
                    stack.append(self._find(*argument.split(" ", 1)))
                case "STACK_GLOBAL":
                    names = _last(stack, 2)
                    stack[-2:] = [self._find(*names)]
                case _:
                    stack.append(_CONSTANTS[name]() if name in _CONSTANTS else argument)
        return stack[-1]

    def _count_a_step(self) -> None:
        self.left_to_build -= 1
        if self.left_to_build < 0:
            raise pickle.UnpicklingError(f"it takes more than {NAMES} steps to build its arrays")

    def _find(self, module: object, name: object) -> object:
        self._count_a_step()
        if not (type(module) is type(name) is str and (module, name) in self.ALLOWED):
            wanted = ".".join(short(part)[1:-1] for part in (module, name))
            raise pickle.UnpicklingError(f"it asks for {wanted}, which no image batch needs")
        return self.ALLOWED[module, name]

    def _call(self, function: object, arguments: object) -> object:
        if type(arguments) is not tuple or len(arguments) > ARGUMENTS or not callable(function):
            raise pickle.UnpicklingError(f"it calls a {type(function).__name__} with {short(arguments)}")
        if function is not _latin1_bytes:
            self._count_a_step()
        elif arguments and isinstance(arguments[0], str):
            self.left_to_encode -= len(arguments[0])
            if self.left_to_encode < 0:
                raise pickle.UnpicklingError("it encodes more text than it has bytes")
        return function(*arguments)


_CONSTANTS = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple,
}  # fmt: skip
_NAMES = {
    *_CONSTANTS, "PROTO", "FRAME", "STOP", "MARK",
    "INT", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8",
    "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET",
    "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE", "LIST", "DICT", "APPEND", "APPENDS", "SETITEM", "SETITEMS",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
}  # fmt: skip
_READERS = {
    opcode.code.encode("latin1"): (opcode.name, opcode.arg.reader if opcode.arg else None)
    for opcode in pickletools.opcodes
    if opcode.name in _NAMES
}


def _last(stack: list, size: int) -> list:
    if len(stack) < size:
        raise pickle.UnpicklingError("it takes a value from an empty stack")
    return stack[-size:]


def _extend(target: object, items: list) -> None:
    if type(target) is not list:
        raise pickle.UnpicklingError(f"it appends to a {type(target).__name__}")
    target.extend(items)


def _set_items(target: object, items: list) -> None:
    keys = items[::2]
    if type(target) is not dict or len(items) % 2 or not all(isinstance(key, str | bytes) for key in keys):
        raise pickle.UnpicklingError("it holds a dict whose keys are not text")
    target.update(zip(keys, items[1::2], strict=True))
