"""A training as many write it: everything in one file, `nn.Sequential`, a sum loss, other images; a fault as argument.

    python plain_loop.py [too_high]
"""

import sys

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.diagnosis.doctor import Doctor

torch.manual_seed(0)
X = torch.rand(600, 1, 12, 12)
Y = (X[:, 0, :6].mean((1, 2)) > X[:, 0, 6:].mean((1, 2))).long() + 2 * (X[:, 0, :, :6].mean((1, 2)) > 0.5).long()
train = DataLoader(TensorDataset(X[:500], Y[:500]), batch_size=25, shuffle=True)
test = DataLoader(TensorDataset(X[500:], Y[500:]), batch_size=25)

net = nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 4))
criterion = nn.CrossEntropyLoss(reduction="sum")
opt = torch.optim.SGD(net.parameters(), lr=5.0 if "too_high" in sys.argv else 0.002)

doctor = Doctor(net, opt, criterion, train, test)
for _ in range(5):
    for x, y in train:
        opt.zero_grad()
        out = net(x)
        loss = criterion(out, y)
        loss.backward()
        doctor.observe(x, y, out, loss)
        opt.step()
print(doctor.report().to_json())
