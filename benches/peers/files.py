"""What is drawn, and the files by which every program gets the same weights and latents."""
import pathlib

# Whose statistics batch norm takes, and rows of latents together.
FRAMES = ("running", 1), ("batch", 8)


def weights(folder, width):
    return pathlib.Path(folder) / f"generator-{width}.safetensors"


def onnx(folder, width, norm, rows):
    return pathlib.Path(folder) / f"generator-{width}-{norm}-{rows}.onnx"


def latents(folder, width, rows):
    return pathlib.Path(folder) / f"latents-{width}-{rows}.npy"


def pictures(folder, width, norm, rows):
    """PyTorch's, to hold the others to."""
    return onnx(folder, width, norm, rows).with_suffix(".npy")
