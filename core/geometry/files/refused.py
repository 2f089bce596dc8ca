"""Files that are not read, and the one line that makes of them one that is."""

from pathlib import Path

_TORCH = (
    'python -c "import torch, safetensors.torch as s; x = torch.load({name!r}, weights_only=True); '
    "x = x if isinstance(x, dict) else {{'embeddings': x}}; s.save_file({{k: v.contiguous() for k, v in x.items()}}, {new!r})\""
)
_PICKLE = "python -c \"import pickle, numpy; numpy.save({new!r}, numpy.asarray(pickle.load(open({name!r}, 'rb'))))\""
_WORD2VEC = (
    'python -c "from gensim.models import KeyedVectors as k; '
    'k.load_word2vec_format({name!r}, binary=True).save_word2vec_format({new!r})"'
)

_GENSIM = 'python -c "from gensim.models import KeyedVectors as k; k.load({name!r}).save_word2vec_format({new!r})"'


def refusal(path: Path) -> str | None:
    """Return the sentence on a file that is refused since it may run code, or is binary without a description; or None."""
    suffix = path.suffix.lower()
    start = b""
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(64)
    head = start.split(b"\n")[0].split(b" ")
    if suffix == ".bin" and len(head) == 2 and all(cell.isdigit() for cell in head):
        line = _WORD2VEC.format(name=path.name, new=f"{path.stem}.txt")
        return f"The file {path} is word2vec's binary form, of which the text form is read: {line}"
    if suffix == ".kv":
        line = _GENSIM.format(name=path.name, new=f"{path.stem}.txt")
        return f"The file {path} is a pickle, as gensim saves, which may run code and is not opened; if it is your own, this line makes a .txt of it: {line}"
    if suffix in (".pt", ".pth", ".bin") or (suffix in (".pkl", ".pickle") and start[:2] == b"PK"):
        line = _TORCH.format(name=path.name, new=f"{path.stem}.safetensors")
        return f"The file {path} is a pickle, as torch saves, which may run code and is not opened; this line makes a .safetensors of it: {line}"
    if suffix in (".pkl", ".pickle", ".joblib"):
        line = _PICKLE.format(name=path.name, new=f"{path.stem}.npy")
        return f"The file {path} is a pickle, which may run code and is not opened; if it is your own, this line makes a .npy of it: {line}"
    if suffix in (".gz", ".zip", ".bz2", ".xz", ".zst"):
        return f"The file {path} is compressed; unpack it first."
    return None
