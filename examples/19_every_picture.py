"""Every other kind of picture, of one study of six runs."""

# %% Options, and a study: three activations from the same weights, two seeds
import argparse
from pathlib import Path

import data
import landscape
import viz
from landscape import activations
from landscape.kinks import along_path, curvature_against_scale, random_segment

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has arguments of its own
given.out.mkdir(parents=True, exist_ok=True)
facts = [activations.get(name) for name in ("relu", "elu", "tanh")]
labels = [one.label for one in facts]
points = (9, 9) if given.quick else (51, 51)
config = landscape.StudyConfig.from_dict(
    {
        "activations": [one.name for one in facts],
        "seeds": [0, 1],
        "training": {"steps": 20 if given.quick else 300},
        "random_plane": {"points": points},
        "pca_plane": {"points": points},
    }
)
load = {"load_data": lambda wanted: data.load(wanted.name, standardise=wanted.standardise)}
study = landscape.Study(config, given.out / "every-picture.h5", **load).run()
runs = [f"{one.name}-gd-seed0" for one in facts]
random = [study.surface(f"{run}.random") for run in runs]
pca = [study.surface(f"{run}.pca") for run in runs]
paths = [study.projection(run, f"{run}.pca") for run in runs]

# %% Heights cut at a limit: what lies above is grey, and counted in the caption
low = viz.HeightScale.of(random, kind="clipped", limit=3.0)
picture = viz.compare(random, titles=labels, height=low)
print("wrote", viz.save(picture, given.out / "clipped.png"))

# %% Coloured by the slope of the loss, on a dark ground
picture = viz.compare(pca, paths=paths, titles=labels, colour="slope", style="dark")
print("wrote", viz.save(picture, given.out / "slope-dark.png"))

# %% The difference to another surface, here ReLU's, at the same coordinates
picture = viz.compare(
    random[1:], titles=labels[1:], colour="difference", reference=random[0], height="linear"
)
print("wrote", viz.save(picture, given.out / "difference.png"))

# %% Activation by seed: what is the activation's, and what the draw's?
rows = [[study.surface(f"{one.name}-gd-seed{seed}.pca") for seed in (0, 1)] for one in facts]
picture = viz.matrix(rows, row_titles=labels, column_titles=["seed 0", "seed 1"])
print("wrote", viz.save(picture, given.out / "matrix.png"))

# %% Slope budgets: how much of the change of the slope sits in kinks
digits = data.load("digits", standardise="features")
trained = [study.trajectory(run) for run in runs]
models = [landscape.study.solution_model(run) for run in trained]
work = [(model, "cross_entropy", digits) for model in models]
budgets = {
    label: [landscape.slope_budget(*job, landscape.step_segment(run, k)) for k in (1, 2, -1)]
    for label, job, run in zip(labels, work, trained, strict=True)
}
figure = viz.slope_budgets(budgets)
print("wrote", viz.save(figure, given.out / "budgets.pdf", caption=viz.budget_caption(budgets)))

# %% In which layers, and in which units
figure = viz.layer_budgets(budgets["ReLU"], title="ReLU")
print("wrote", viz.save(figure, given.out / "layers.pdf"))

# %% All of one network on one page
flat = {"flat": pca[0], "flat_path": paths[0], "budgets": budgets["ReLU"]}
figure = viz.mosaic(random[0], title="ReLU", dpi=100 if given.quick else 600, **flat)
print("wrote", viz.save(figure, given.out / "mosaic.pdf"))

# %% Along the path: how far the linear prediction holds, sharpness, and noise of the kinks
measured = {
    label: along_path(*job, run, records=(1, 2) if given.quick else ())
    for label, job, run in zip(labels, work, trained, strict=True)
}
figure = viz.along_path(measured)
print("wrote", viz.save(figure, given.out / "along-path.pdf"))

# %% Curvature at every scale: central differences against autograd
small = {"centres": 5, "samples": 65} if given.quick else {}
scales = [curvature_against_scale(*job, random_segment(job[0]), **small) for job in work]
figure = viz.curvature_scale(scales, titles=labels, kinked=[bool(one.kinks) for one in facts])
print("wrote", viz.save(figure, given.out / "curvature-scale.pdf"))

# %% The activations themselves, with their derivatives and kinks
figure = viz.activation_plate([activations.profile(one.name) for one in facts])
print("wrote", viz.save(figure, given.out / "activations.pdf"))
