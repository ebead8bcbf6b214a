"""Gradients of four batches are added up, the arithmetic is in bfloat16, batches are dictionaries, two optimizers.

python accumulation_amp.py [never_cleared]
"""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from helpers.diagnosis.doctor import Doctor


class Corners(Dataset):
    """Noise with a brighter corner; an item is a dictionary."""

    def __init__(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.targets = torch.randint(0, 4, (size,), generator=generator)
        self.pictures = torch.randn(size, 3, 16, 16, generator=generator)
        for picture, target in zip(self.pictures, self.targets, strict=True):
            picture[:, 8 * (target // 2) :, 8 * (target % 2) :][:, :8, :8] += 0.6

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, i: int) -> dict:
        return {"id": i, "pixel_values": self.pictures[i], "labels": self.targets[i]}


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.GELU(), nn.AdaptiveAvgPool2d(4))
        self.head = nn.Linear(128, 4)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(pixel_values).flatten(1))


def main() -> None:
    torch.manual_seed(0)
    train, valid = DataLoader(Corners(640, 0), 16, shuffle=True), DataLoader(Corners(100, 1), 32)
    model = Classifier()
    optimizers = [torch.optim.AdamW(model.body.parameters(), 3e-3), torch.optim.SGD(model.head.parameters(), 0.05)]
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
    doctor = Doctor(model, optimizers, loss_fn, train, valid)
    for _ in range(4):
        model.train()
        for k, batch in enumerate(train, start=1):
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(batch["pixel_values"])
                loss = loss_fn(logits, batch["labels"])
            (loss / 4).backward()
            doctor.observe(batch["pixel_values"], batch["labels"], logits, loss)
            if k % 4 == 0:
                for optimizer in optimizers:
                    optimizer.step()
                    if "never_cleared" not in sys.argv:
                        optimizer.zero_grad()
        model.eval()
        right = 0
        with torch.no_grad():
            for batch in valid:
                logits = model(batch["pixel_values"])
                doctor.observe(batch["pixel_values"], batch["labels"], logits, loss_fn(logits, batch["labels"]))
                right += (logits.argmax(1) == batch["labels"]).sum().item()
        doctor.end_epoch(valid_accuracy=right / len(valid.dataset))
    print(doctor.report().to_json())


if __name__ == "__main__":
    main()
