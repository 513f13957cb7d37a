"""The protocols of prediction: one file for each, which decodes, predicts and encodes.

A protocol's module has `blueprint(service, settings)`, whose routes declare how they are documented
and which of them predict. PROTOCOLS lists them; adding one is adding its file, its line here and
its test.
"""

from collections.abc import Callable

from flask import Blueprint

from serving.api.protocols import native
from serving.predicting.service import Service
from serving.settings import Settings

PROTOCOLS: tuple[Callable[[Service, Settings], Blueprint], ...] = (native.blueprint,)
