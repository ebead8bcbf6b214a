"""Two processes with DistributedDataParallel; each has a doctor, the first one prints its report.

torchrun --standalone --nproc-per-node 2 several_processes.py [head_left_out]
"""

import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from helpers.diagnosis.doctor import Doctor


def data(size: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (size,), generator=generator)
    x = torch.randn(size, 3, 8, 8, generator=generator)
    x[torch.arange(size), y] += 0.7
    return TensorDataset(x, y)


def main() -> None:
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.ReLU(), nn.Linear(32, 3))
    trained = DistributedDataParallel(model)
    left_out = "head_left_out" in sys.argv
    optimizer = torch.optim.SGD(model[1].parameters() if left_out else model.parameters(), 0.05, momentum=0.9)
    train_set = data(600, 0)
    sampler = DistributedSampler(train_set)
    train, valid = DataLoader(train_set, 25, sampler=sampler), DataLoader(data(90, 1), 30)
    loss_fn = nn.CrossEntropyLoss()
    doctor = Doctor(trained, optimizer, loss_fn, train, valid)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        for images, labels in train:
            optimizer.zero_grad()
            logits = trained(images)
            loss = loss_fn(logits, labels)
            loss.backward()
            doctor.observe(images, labels, logits, loss)
            optimizer.step()
    report = doctor.report()
    if dist.get_rank() == 0:
        print(report.to_json())
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
