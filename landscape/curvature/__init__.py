"""Derivatives of the loss: gradient, Hessian products, eigenpairs, spectral density."""
