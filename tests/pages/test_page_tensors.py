"""`broadcast_shape` of the page about tensor arithmetic, as it stands in the notebook, against torch and NumPy."""

from itertools import zip_longest

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import definition_of_page

broadcast_shape = definition_of_page("1_data/05_tensor_arithmetic", "broadcast_shape", zip_longest=zip_longest)
any_shapes = st.lists(st.lists(st.integers(0, 4), max_size=5).map(tuple), min_size=1, max_size=4)


@st.composite
def fitting_shapes(draw):
    """Shapes that fit: one shape, with axes cut off on the left and others set to 1."""
    full = draw(st.lists(st.integers(0, 4), max_size=5))
    shapes = []
    for _ in range(draw(st.integers(1, 4))):
        kept = full[draw(st.integers(0, len(full))) :]
        shapes.append(tuple(draw(st.sampled_from((size, 1))) for size in kept))
    return shapes


@given(any_shapes)
def test_any_shapes_fit_or_fail_as_in_torch_and_numpy(shapes):
    try:
        expected = tuple(torch.broadcast_shapes(*shapes))
    except RuntimeError:
        with pytest.raises(ValueError, match="sizes"):
            broadcast_shape(*shapes)
        with pytest.raises(ValueError):
            np.broadcast_shapes(*shapes)
    else:
        assert broadcast_shape(*shapes) == expected == np.broadcast_shapes(*shapes)


@given(fitting_shapes())
def test_the_shape_is_that_of_a_sum(shapes):
    assert broadcast_shape(*shapes) == tuple(sum(torch.zeros(shape) for shape in shapes).shape)


@given(fitting_shapes(), st.randoms())
def test_the_order_of_the_shapes_does_not_matter(shapes, random):
    shuffled = random.sample(shapes, len(shapes))
    assert broadcast_shape(*shuffled) == broadcast_shape(*shapes)
