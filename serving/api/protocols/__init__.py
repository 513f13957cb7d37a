"""The protocols that models are asked in: one file for each, which decodes, predicts and encodes.

A protocol's module has `blueprint(service, settings)`, whose routes declare how they are documented
and which of them predict, and `PLAIN`: for each route that takes plain requests (see
`serving/api/plain.py`), the function from the body to the body of the response; both are JSON.
TENSORS has those of bodies in which tensors may follow the JSON. PROTOCOLS lists the protocols;
adding one is adding its file, its line here and its test.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from flask import Blueprint

from serving.api.protocols import kserve, mlflow, native, sagemaker, v2, vertex
from serving.api.protocols.v2.requests import Content
from serving.models.engine import Engine
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings

Answer = Callable[[Service, Engine, bytes, int, RequestContext], bytes]
AnswerTensors = Callable[[Service, Engine, Content, int, RequestContext], Content]


class Module(Protocol):
    """What each protocol's module has."""

    @property
    def PLAIN(self) -> Mapping[str, Answer]:  # noqa: N802 - a constant of the module
        """The routes that take plain requests, and what answers them."""

    def blueprint(self, service: Service, settings: Settings) -> Blueprint:
        """Return the routes."""


PROTOCOLS: tuple[Module, ...] = (vertex, native, kserve, mlflow, sagemaker, v2)
TENSORS: Mapping[str, AnswerTensors] = v2.TENSORS
