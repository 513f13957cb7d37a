"""The resources of deploy/kserve are as KServe's own SDK has them."""

import pytest
from conftest import ROOT
from programs import call


@pytest.mark.parametrize("name", ["serving-runtime", "inference-service"])
def test_kserve_knows_every_field_of_a_resource(name: str):
    assert call("kserve_resources", str(ROOT / f"deploy/kserve/{name}.yaml")).endswith("is valid\n")
