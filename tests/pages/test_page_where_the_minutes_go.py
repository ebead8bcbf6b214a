"""The page about where the minutes go: its functions as they stand there, against torch and plain counting."""

import ast
import itertools
from types import SimpleNamespace

import nbformat
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PROJECT, definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.model import fast

PAGE = "4_visualization/09b_where_the_minutes_go"
FEW = settings(max_examples=30, deadline=None)
CPU = torch.device("cpu")


def of_page(name: str, **more):
    return definition_of_page(PAGE, name, **({"torch": torch, "F": F, "place": CPU, "on_cpu": True} | more))


def test_the_shortest_of_at_least_three_calls_counts():
    times = iter([0.0, 3.0, 10.0, 10.4, 20.0, 20.9])  # start and end of each call
    done = []
    found = of_page("shortest", clock=lambda: next(times))(done.append, "work")
    assert found == 3.0 and done == ["work"]  # a call that takes long is enough
    times = iter([0.0, 0.5, 10.0, 10.4, 20.0, 20.9])
    assert of_page("shortest", clock=lambda: next(times))(done.append, 1) == pytest.approx(0.4)
    assert len(done) == 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_rate_of_a_product_counts_two_operations_for_each_multiplication(dtype):
    given = []

    def quarter_of_a_second(work, one, other):
        given.extend((work, one, other))
        return 0.25

    rate = of_page("product_rate", shortest=quarter_of_a_second)(dtype)
    work, one, other = given
    assert one.dtype == other.dtype == dtype and work(one, other).shape == one.shape
    multiplications = one.shape[0] * one.shape[1] * other.shape[1]
    assert rate == pytest.approx(2 * multiplications / 0.25 / 1e9)


@pytest.mark.parametrize(("amp", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_a_step_goes_forward_and_backward_in_the_bits_it_is_asked_for(amp, dtype):
    network, images, seen = nn.Linear(3, 2), torch.randn(5, 3), []
    network.register_forward_hook(lambda layer, inputs, output: seen.append(output.dtype))
    of_page("step")(network, images, amp)
    assert seen == [dtype]
    torch.testing.assert_close(network.weight.grad, images.sum(0).expand(2, 3), atol=0.05, rtol=0.05)


def test_the_pages_of_one_call_are_counted():
    counters, done = iter([100, 175, 175, 175]), []
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_minflt=next(counters)))
    found = of_page("pages_taken", resource=usage)
    assert found(done.append, "work") == 75 and found(done.append, "more") == 0
    assert done == ["work", "more"]
    assert of_page("pages_taken", resource=None)(done.append, "nothing to ask here") == 0


def test_the_pages_are_those_of_a_call_after_those_that_were_timed():
    done = []

    def timed(work, *inputs):
        for _ in range(3):
            work(*inputs)
        return 0.5

    def counted(work, *inputs):
        work(*inputs)
        return 7 if len(done) == 4 else 1000

    assert of_page("cost", pages_taken=counted, shortest=timed)(done.append, "work") == (7, 0.5)
    assert done == ["work"] * 4


def kinds() -> dict[str, tuple[str, ...]]:
    """The table of the page, by which operations are sorted."""
    cells = nbformat.read(PROJECT / "chapters" / f"{PAGE}.ipynb", as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    found = [n.value for n in ast.parse(code).body if isinstance(n, ast.Assign) and ast.unparse(n.targets) == "KINDS"]
    return ast.literal_eval(found[0])


def kind_of(operation: str) -> str:
    return of_page("kind_of", KINDS=kinds())(operation)


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("products", "aten::mkldnn_convolution"), ("products", "aten::convolution_backward"),
        ("products", "aten::addmm"), ("normalization", "aten::native_batch_norm_backward"),
        ("activation", "aten::gelu"), ("pooling", "aten::max_pool2d_with_indices"), ("rest", "aten::copy_"),
    ],
)  # fmt: skip
def test_operations_are_sorted_by_their_names(kind, operation):
    assert kind_of(operation) == kind


def profile_of(clock):
    names = {"TorchDispatchMode": TorchDispatchMode, "KINDS": kinds(), "kind_of": kind_of, "clock": clock}
    return of_page("Profile", **names)()


def test_forward_and_backward_are_seen_and_nothing_else():
    now = itertools.count()
    profile = profile_of(lambda: next(now))  # a second passes from each look at the clock to the next
    layer, images = nn.Linear(3, 2, bias=False), torch.randn(4, 3)
    with profile:
        output = F.gelu(layer(images)).sum()
        output.backward()
    torch.testing.assert_close(output, F.gelu(images @ layer.weight.T).sum())
    assert profile.times["products"] == profile.times["activation"] == 2  # forward and backward
    assert profile.times["normalization"] == profile.times["pooling"] == 0 < profile.times["rest"]
    before = dict(profile.times)
    torch.mm(images, images.T)
    assert profile.times == before  # no longer active


def test_the_time_of_an_operation_is_what_passes_while_it_runs():
    class Slow:
        now = 0.0

        def __call__(self, *args, scale=1):
            self.now += 3.0
            return scale * sum(args)

        def name(self):
            return "aten::mm"

    slow = Slow()
    profile = profile_of(lambda: slow.now)
    assert profile.__torch_dispatch__(slow, (), (4, 5), {"scale": 2}) == 18
    assert profile.__torch_dispatch__(slow, (), (4, 5)) == 9
    assert profile.times["products"] == 6.0 == sum(profile.times.values())


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=5), st.floats(0.1, 100))
@FEW
def test_the_whole_is_as_much_faster_as_the_sum_of_its_parts(times, faster):
    after = times[0] / faster + sum(times[1:])
    found = of_page("whole_faster")(times[0] / sum(times), faster)
    assert found == pytest.approx(sum(times) / after)


def test_what_autocast_stores_in_16_bits_and_what_in_32():
    found = of_page("dtypes")(fast.FastNet(widths=(24, 24, 24)), torch.randn(4, 3, 32, 32), torch.arange(4))
    half, whole = torch.bfloat16, torch.float32
    assert found["Conv2d"] == [whole, half] and found["BatchNorm2d"] == found["Linear"] == [half, half]
    assert found["loss"] == [whole]
    assert found["weights"] == found["gradients"] == found["running mean"] == {whole}
