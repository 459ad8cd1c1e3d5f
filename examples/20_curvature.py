"""Measure how losses bend: slope budgets, steps along the path, curvature by scale, spectra."""

# %% Options, and three networks trained from the same weights
import argparse
from pathlib import Path

import landscape
from landscape import data, random_segment, viz
from landscape.kinks import along_path, curvature_against_scale, spread_records
from landscape.networks import activations, build
from landscape.networks.parameters import assign

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
facts = [activations.get(name) for name in ("relu", "elu", "tanh")]
labels, kinked = [one.label for one in facts], [bool(one.kinks) for one in facts]
digits = data.load("digits", standardise="features")
config = landscape.TrainingConfig(steps=20 if given.quick else 300)
models = [build("mlp", activation=one.name, seed=0) for one in facts]
problems = [landscape.Problem(model, data=digits) for model in models]
runs = [landscape.train(problem, optimizer="gd", config=config) for problem in problems]

# %% The activations themselves, with their derivatives and kinks
plate = viz.activation_plate([activations.profile(one.name) for one in facts])
print("wrote", viz.save(plate, given.out / "activations.pdf"))

# %% Slope budgets: the part of the slope change in single steps that comes from kinks
steps = spread_records(runs[0], 2 if given.quick else 3)
budgets = {
    label: [landscape.slope_budget(problem, landscape.step_segment(run, k)) for k in steps]
    for label, problem, run in zip(labels, problems, runs, strict=True)
}
print("wrote", viz.save(viz.slope_budgets(budgets), given.out / "budgets.pdf"))

# %% The kinks by layer and by unit
layers = viz.layer_budgets(budgets["ReLU"], title="ReLU")
print("wrote", viz.save(layers, given.out / "layers.pdf"))

# %% Along the path: the slope change of each step, its prediction, and the sharpness
some = {"records": steps, "checks": 2} if given.quick else {}
measured = {
    label: along_path(problem, run, **some)
    for label, problem, run in zip(labels, problems, runs, strict=True)
}
print("wrote", viz.save(viz.along_path(measured), given.out / "along-path.pdf"))

# %% Curvature at every scale: central differences against autograd
for model, run in zip(models, runs, strict=True):
    assign(model, run.thetas[-1])
small = {"centres": 5, "samples": 65} if given.quick else {}
scales = [curvature_against_scale(p, random_segment(p.model), **small) for p in problems]
figure = viz.curvature_scale(scales, titles=labels, kinked=kinked)
print("wrote", viz.save(figure, given.out / "curvature-scale.pdf"))

# %% The spectrum of the Hessian, which contains no kinks
spectra = [landscape.spectral_density(p, starts=1 if given.quick else 4) for p in problems]
print("wrote", viz.save(viz.spectrum(spectra, titles=labels), given.out / "spectrum.pdf"))
