"""Train a small GPT-2 with the Trainer of transformers, and draw the path on its surface."""

# %% Options, and text that comes with Python, letter by letter
import argparse
import shutil
import sys
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch import Tensor, nn

import landscape
from landscape import viz
from landscape.training.recording.huggingface import RecorderCallback

try:
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
except ModuleNotFoundError:
    sys.exit("this example needs transformers: pip install 'lossoscope[huggingface]' accelerate")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("pictures"))
parser.add_argument("--quick", action="store_true", help="small and fast")
given, _ = parser.parse_known_args()  # a notebook has its own arguments
text = topics["assignment"][: 800 if given.quick else None]
letters = sorted(set(text))
lines = torch.tensor([letters.index(letter) for letter in text]).unfold(0, 32, 32)

# %% Train as usual; a callback records the weights every few steps
size = {"n_embd": 16, "n_layer": 1} if given.quick else {"n_embd": 32, "n_layer": 2}
torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(vocab_size=len(letters), n_positions=32, n_head=2,
                                   bos_token_id=0, eos_token_id=0, **size))  # fmt: skip
folder = given.out / "recording"
shutil.rmtree(folder, ignore_errors=True)
recorder = RecorderCallback(folder, every=2)
arguments = TrainingArguments(
    output_dir=given.out, max_steps=6 if given.quick else 300, learning_rate=3e-3,
    per_device_train_batch_size=32, use_cpu=True, report_to=[], save_strategy="no",
)  # fmt: skip
Trainer(model=model, args=arguments, callbacks=[recorder],
        train_dataset=[{"input_ids": line, "labels": line} for line in lines]).train()  # fmt: skip


# %% The model's own loss, in the plane of its path
def next_letter(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return model(**batch).loss


problem = landscape.Problem(model, next_letter, {"input_ids": lines, "labels": lines})
run = landscape.evaluate_losses(problem, recorder.trajectory())
plane = landscape.pca_plane(run, length="displacement")
grid = landscape.Grid.square(5 if given.quick else 31, 1.5)
paths = {"A path recorded in the Trainer": run}
panel = landscape.sample(problem, plane, paths=paths, grid=grid)
print("wrote", viz.save(viz.surface(panel), given.out / "huggingface.png"))
