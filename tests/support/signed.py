"""A service that serves what a trusted key signed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from serving.__main__ import main
from serving.settings import Settings
from serving.versions.decisions import Decisions


class Signing(NamedTuple):
    """A models folder whose wine 1 is signed, the key's file and the public key."""

    models: Path
    key: str
    public: str

    def run(self, *arguments: str, **environment: str) -> Result:
        own = {"MODELS_DIR": str(self.models), "VAR_DIR": str(self.models.parent / "var")}
        own |= {"SIGNING_KEY": self.key, "TRUSTED_KEYS": self.public}
        return CliRunner(env=own | environment).invoke(main, arguments)

    def done(self, *arguments: str, **environment: str) -> str:
        result = self.run(*arguments, **environment)
        assert result.exit_code == 0, result.output
        return result.output

    @property
    def settings(self) -> Settings:
        var_dir = self.models.parent / "var"
        return Settings(models_dir=self.models, var_dir=var_dir, trusted_keys=self.public)

    @property
    def versions(self) -> Decisions:
        return Decisions.from_settings(self.settings)


def edit(file: str, change: Callable[[bytes], bytes]) -> Callable[[Signing], Any]:
    def edited(signing: Signing) -> None:
        path = signing.models / "wine" / "1" / file
        path.write_bytes(change(path.read_bytes()))

    return edited
