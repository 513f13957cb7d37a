"""Figures and names of metrics as readers of each language have them."""

import doctest

import pytest

from serving import figures
from serving.api.pages import html, shown
from serving.models import metrics


@pytest.mark.parametrize("module", [figures, html, metrics, shown])
def test_examples_are_true(module):
    assert doctest.testmod(module).failed == 0
