"""Small trainings as readers write them, healthy or with a fault, for `foreign_trainings.py`.

Whoever wrote them had read neither the checks of the doctor nor their thresholds. Each is a function that trains for
some seconds and returns the report, under the names that count as right: `@case("rate_too_high", "loss_not_finite")`.
The loops differ on purpose: the doctor has to cope with each of them.

Shapes: x, images [N, C, H, W] or rows of a table [N, 20]; y, class numbers [N]; xv and yv, those of the validation.
"""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F
from torch.utils import data as tud
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers.data.loaders import TensorImages, as_is
from helpers.diagnosis.doctor import Doctor
from helpers.diagnosis.findings import Report
from helpers.prepare import prepare

Data = tuple[Tensor, Tensor, Tensor, Tensor]  # x, y, xv, yv
Loaders = tuple[DataLoader, DataLoader]
CASES: dict[str, tuple[tuple[str, ...], Callable[[], Report]]] = {}  # name: names that count as right, training
CROSS_ENTROPY = nn.CrossEntropyLoss()


def case(*accepted: str) -> Callable:
    """Put a training into `CASES`. Args: accepted, names of findings; "healthy" where no fault may be found."""

    def add(training: Callable[[], Report]) -> Callable[[], Report]:
        CASES[training.__name__] = accepted, training
        return training

    return add


# -- data --------------------------------------------------------------------------------------------------


def moved(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each image rolled by up to `most` pixels."""
    shifts = torch.randint(-most, most + 1, (len(x), 2), generator=generator).tolist()
    return torch.stack([torch.roll(image, shift, (1, 2)) for image, shift in zip(x, shifts, strict=True)])


def draw(
    n: int, seed: int, *, size: int = 28, channels: int = 1, k: int = 10, family: int = 0, noise: float = 0.15
) -> tuple[Tensor, Tensor]:
    """uint8 [n, channels, size, size] and labels: a smooth pattern a class, moved, dimmed and noisy."""
    g = torch.Generator().manual_seed(1000 + family)
    coarse = torch.randn(k, channels, 7, 7, generator=g)
    smooth = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    smooth = torch.sigmoid(6 * (smooth - 0.5))
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, k, (n,), generator=g)
    x = moved(smooth[y], size // 12, g)
    x = x * (0.5 + 0.5 * torch.rand(n, 1, 1, 1, generator=g)) + noise * torch.randn(x.shape, generator=g)
    return (x.clamp(0, 1) * 255).to(torch.uint8), y


def normalized(x: Tensor, xv: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    return (x - mean) / std, (xv - mean) / std


def patterns(n: int = 2000, n_valid: int = 500, *, normalize: bool = False, **more: float) -> Data:
    """Drawn patterns, from 0 to 1. Args: more, as of `draw`."""
    (x, y), (xv, yv) = draw(n, 1, **more), draw(n_valid, 2, **more)
    x, xv = x.float() / 255, xv.float() / 255
    if normalize:
        x, xv = normalized(x, xv)
    return x, y, xv, yv


def new_task() -> Data:
    return patterns(800, 300, size=32, channels=3, k=5, family=4, normalize=True)


def unbalanced(x: Tensor, y: Tensor, counts: list[int]) -> tuple[Tensor, Tensor]:
    keep = torch.cat([(y == c).nonzero().squeeze(1)[:n] for c, n in enumerate(counts)])
    return x[keep], y[keep]


@cache
def sample_parts() -> tuple[TensorImages, TensorImages, Tensor, Tensor]:
    """The drawn sample of the book: training, validation, mean and std [3, 1, 1]."""
    data = prepare("sample")
    parts = (TensorImages(data.index[part], mean=data.mean, std=data.std) for part in ("train", "valid"))
    return *parts, *(torch.tensor(numbers).view(3, 1, 1).float() for numbers in (data.mean, data.std))


def pixels() -> Data:
    """The drawn sample, uint8."""
    train, valid, _, _ = sample_parts()
    return train.images.clone(), train.targets.clone(), valid.images.clone(), valid.targets.clone()


def sample(n: int | None = None) -> Data:
    """The drawn sample, normalized. Args: n, how many images of the training."""
    (x, y, xv, yv), (_, _, mean, std) = pixels(), sample_parts()
    return ((x / 255 - mean) / std)[:n], y[:n], (xv / 255 - mean) / std, yv


def table(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """float32 [n, 20] around six centres, and labels of three classes."""
    centers = np.random.default_rng(7).normal(size=(6, 20)) * 0.7
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 6, n)
    x = (centers[cluster] + rng.normal(size=(n, 20))).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(cluster % 3)


class Changed(Dataset):
    """Images that are changed each time they are read. Args: change, image -> image."""

    def __init__(self, x: Tensor, y: Tensor, change: Callable[[Tensor], Tensor]) -> None:
        self.x, self.y, self.change = x, y, change

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.change(self.x[i]), self.y[i]


def loader(
    x: Tensor, y: Tensor, batch_size: int, shuffle: bool = True, change: Callable | None = None, **more: object
) -> DataLoader:
    data = TensorDataset(x, y) if change is None else Changed(x, y, change)
    return DataLoader(data, batch_size=batch_size, shuffle=shuffle, **more)


def loaders(data: Data, batch_size: int = 64, valid_size: int = 100, **more: object) -> Loaders:
    """Training, shuffled, and validation. Args: more, as of `loader`, for the training."""
    x, y, xv, yv = data
    return loader(x, y, batch_size, **more), loader(xv, yv, valid_size, shuffle=False)


# -- networks ----------------------------------------------------------------------------------------------


class LeNet(nn.Module):
    def __init__(self, channels: int = 3, side: int = 32, k: int = 10) -> None:
        super().__init__()
        self.conv1, self.pool1 = nn.Conv2d(channels, 6, 5), nn.MaxPool2d(2, 2)
        self.conv2, self.pool2 = nn.Conv2d(6, 16, 5), nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(16 * (((side - 4) // 2 - 4) // 2) ** 2, 120)
        self.fc2, self.fc3 = nn.Linear(120, 84), nn.Linear(84, k)

    def forward(self, x):
        x = self.pool1(F.relu(self.conv1(x)))
        x = self.pool2(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(x.view(x.size(0), -1)))
        return self.fc3(F.relu(self.fc2(x)))


def conv_bn(i: int, o: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Block(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.a, self.b = conv_bn(c, c), nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return F.relu(x + self.b(self.a(x)))


class SmallResNet(nn.Module):
    def __init__(self, k: int = 10, w: int = 16) -> None:
        super().__init__()
        self.conv1 = conv_bn(3, w, 2)
        self.layer1 = nn.Sequential(Block(w), conv_bn(w, 2 * w, 2))
        self.layer2 = nn.Sequential(Block(2 * w), conv_bn(2 * w, 4 * w, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * w, k)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(self.conv1(x)))), 1))


class RowGRU(nn.Module):
    """An image row by row, as a sequence."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(28, width, batch_first=True)
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        r_out, _ = self.rnn(x.view(-1, 28, 28), None)
        return self.out(r_out[:, -1, :])


def small_cnn(channels: int = 1, k: int = 10, w: int = 16, side: int = 28, dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, w, 3, 2, 1), nn.ReLU(), nn.Conv2d(w, 2 * w, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Dropout(dropout), nn.Linear(2 * w * (side // 4) ** 2, 64), nn.ReLU(), nn.Linear(64, k),
    )  # fmt: skip


def mlp(*sizes: int) -> nn.Sequential:
    layers = [nn.Flatten()]
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@cache
def pretrained_state() -> dict[str, Tensor]:
    """Weights of a `SmallResNet` trained on other patterns, of twelve classes."""
    torch.manual_seed(99)
    x, y = draw(1500, 5, size=32, channels=3, k=12, family=3)
    x = x.float() / 255
    x, _ = normalized(x, x)
    model = SmallResNet(k=12)
    train_unseen(*adam(model, 3e-3), loader(x, y, 50), 3)
    return model.state_dict()


def pretrained() -> SmallResNet:
    with torch.random.fork_rng(devices=[]):  # the same numbers follow, whether or not the weights were there
        state = pretrained_state()
    model = SmallResNet(k=12)
    model.load_state_dict(state)
    return model


# -- optimizers, and loops that many copy ------------------------------------------------------------------


def sgd(model: nn.Module, lr: float, momentum: float = 0, **more: float) -> tuple[nn.Module, optim.Optimizer]:
    return model, optim.SGD(model.parameters(), lr, momentum, **more)


def adam(model: nn.Module, lr: float = 1e-3) -> tuple[nn.Module, optim.Optimizer]:
    return model, optim.Adam(model.parameters(), lr)


def train_unseen(model: nn.Module, optimizer: optim.Optimizer, batches: DataLoader, epochs: int) -> None:
    """A training that no doctor observes."""
    for _ in range(epochs):
        for x, y in batches:
            optimizer.zero_grad()
            CROSS_ENTROPY(model(x), y).backward()
            optimizer.step()


def train_epoch(
    model: nn.Module, batches: Iterable, optimizer: optim.Optimizer, doctor: Doctor,
    backward: Callable = Tensor.backward, step: Callable | None = None,
) -> float:  # fmt: skip
    """An epoch of the plainest loop; the mean of the losses. Args: step, if not the one of the optimizer."""
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        out = model(x)
        loss = doctor.loss_fn(out, y)
        backward(loss)
        doctor.observe(x, y, out, loss)
        (step or optimizer.step)()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def evaluate(model: nn.Module, batches: Iterable, criterion: Callable, doctor: Doctor | None = None):
    """Loss and accuracy."""
    model.eval()
    total, correct, count = 0.0, 0, 0
    with torch.no_grad():
        for x, y in batches:
            out = model(x)
            loss = criterion(out, y)
            if doctor is not None:
                doctor.observe(x, y, out, loss)
            total += loss.item() * len(y)
            correct += (out.argmax(1) == y).sum().item()
            count += len(y)
    return total / count, correct / count


def run_epochs(
    doctor: Doctor, model: nn.Module, optimizer: optim.Optimizer, loaders: Loaders, epochs: int, *,
    scheduler: object = None, every_batch: bool = False, clip: float = 0, watch_eval: bool = True,
) -> None:  # fmt: skip
    """Training and validation in turns.

    Args: every_batch, whether the scheduler goes on after each batch, not after each epoch; watch_eval, whether the
    doctor observes the validation as well.
    """
    train_loader, valid_loader = loaders
    adapter = doctor.adapter or tuple
    for _ in range(epochs):
        model.train()
        running, n = 0.0, 0
        for x, y in map(adapter, train_loader):
            optimizer.zero_grad()
            out = model(x)
            loss = doctor.loss_fn(out, y)
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            doctor.observe(x, y, out, loss)
            optimizer.step()
            if scheduler is not None and every_batch:
                scheduler.step()
            running += loss.item() * len(y)
            n += len(y)
        if scheduler is not None and not every_batch:
            scheduler.step()
        vl, va = evaluate(model, map(adapter, valid_loader), doctor.loss_fn, doctor if watch_eval else None)
        doctor.end_epoch(train_loss=running / max(n, 1), valid_loss=vl, valid_accuracy=va)


def fit(
    model: nn.Module, optimizer: optim.Optimizer, loaders: Loaders, epochs: int, criterion: Callable = CROSS_ENTROPY,
    scheduler: object = None, adapter: Callable | None = None, **more: float,
) -> Report:  # fmt: skip
    """A training from its first to its last step. Args: more, as of `run_epochs`."""
    doctor = Doctor(model, optimizer, criterion, *loaders, scheduler=scheduler, adapter=adapter)
    run_epochs(doctor, model, optimizer, loaders, epochs, scheduler=scheduler, **more)
    return doctor.report()


def script(
    model: nn.Module, optimizer: optim.Optimizer, train_loader: DataLoader, epochs: int,
    valid_loader: DataLoader | None = None, criterion: Callable = CROSS_ENTROPY,
) -> Report:  # fmt: skip
    """The shortest: no validation in the loop, no end_epoch."""
    doctor = Doctor(model, optimizer, criterion, train_loader, valid_loader)
    for _ in range(epochs):
        train_epoch(model, train_loader, optimizer, doctor)
    return doctor.report()


# -- healthy -----------------------------------------------------------------------------------------------


@case("healthy")
def tutorial_of_2018():
    train_data, valid_data, _, _ = sample_parts()
    train_loader = DataLoader(dataset=train_data, batch_size=16, shuffle=True, collate_fn=as_is)
    valid_loader = DataLoader(dataset=valid_data, batch_size=16, collate_fn=as_is)
    net = LeNet()
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.xavier_normal_(m.weight.data)
            m.bias.data.zero_()
        elif isinstance(m, nn.Linear):
            nn.init.normal_(m.weight.data, 0, 0.01)
            m.bias.data.zero_()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9, dampening=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.1)
    doctor = Doctor(net, optimizer, criterion, train_loader, valid_loader, scheduler=scheduler)
    for epoch in range(7):
        loss_sigma = 0.0
        for data in train_loader:
            inputs, labels = data
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            doctor.observe(inputs, labels, outputs, loss)
            optimizer.step()
            loss_sigma += loss.item()
        scheduler.step()
        if epoch % 2 == 0:
            net.eval()
            right = 0
            with torch.no_grad():
                for inputs, labels in valid_loader:
                    right += (net(inputs).argmax(1) == labels).sum().item()
            net.train()
            doctor.end_epoch(train_loss=loss_sigma / len(train_loader), valid_accuracy=right / len(valid_data))
    return doctor.report()


@case("healthy")
def mnist_example():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, 1), nn.Conv2d(16, 32, 3, 1)
            self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
            self.fc1, self.fc2 = nn.Linear(4608, 64), nn.Linear(64, 10)

        def forward(self, x):
            x = F.relu(self.conv1(x))
            x = F.relu(self.conv2(x))
            x = self.dropout1(F.max_pool2d(x, 2))
            x = F.relu(self.fc1(torch.flatten(x, 1)))
            return F.log_softmax(self.fc2(self.dropout2(x)), dim=1)

    train_loader, test_loader = loaders(patterns(1800, 500, normalize=True), 64, 500)
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    doctor = Doctor(model, optimizer, F.nll_loss, train_loader, test_loader, scheduler)
    for _ in range(4):
        model.train()
        for data, target in train_loader:
            optimizer.zero_grad()
            output = model(data)
            loss = F.nll_loss(output, target)
            loss.backward()
            doctor.observe(data, target, output, loss)
            optimizer.step()
        model.eval()
        test_loss = correct = 0
        with torch.no_grad():
            for data, target in test_loader:
                output = model(data)
                loss = F.nll_loss(output, target, reduction="sum").item()
                test_loss += loss
                doctor.observe(data, target, output, loss)
                pred = output.argmax(dim=1, keepdim=True)
                correct += pred.eq(target.view_as(pred)).sum().item()
        doctor.end_epoch(valid_loss=test_loss / 500, valid_accuracy=correct / 500)
        scheduler.step()
    return doctor.report()


@case("healthy")
def one_cycle_of_fastai():
    x, y, xv, yv = sample(2500)
    dl, vdl = loader(x, y, 64, drop_last=True), loader(xv, yv, 128, False)
    model = SmallResNet()
    opt = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)
    sched = optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, epochs=6, steps_per_epoch=len(dl))
    loss_func = nn.CrossEntropyLoss(label_smoothing=0.1)
    doc = Doctor(model, opt, loss_func, dl, vdl, scheduler=sched)
    for _ in range(6):
        model.train()
        for xb, yb in dl:
            pred = model(xb)
            loss = loss_func(pred, yb)
            loss.backward()
            doc.observe(xb, yb, pred, loss)
            opt.step()
            sched.step()
            opt.zero_grad()
        vl, va = evaluate(model, vdl, loss_func)
        doc.end_epoch(valid_loss=vl, valid_accuracy=va)
    return doc.report()


@case("healthy")
def lightning_module():
    class Lit(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(
                conv_bn(3, 16, 2), conv_bn(16, 32, 2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 64, 10)
            )
            self.outs = []

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, batch_idx):
            x, y = batch
            logits = self(x)
            return F.cross_entropy(logits, y), logits

        def validation_step(self, batch, batch_idx):
            loss, logits = self.training_step(batch, batch_idx)
            self.outs.append((loss.item(), (logits.argmax(-1) == batch[1]).float().mean().item()))
            return loss, logits

        def configure_optimizers(self):
            return optim.Adam(self.parameters(), lr=1e-3)

    model = Lit()
    train_dl, val_dl = loaders(sample(), 128)
    optimizer = model.configure_optimizers()
    doctor = Doctor(model, optimizer, F.cross_entropy, train_dl, val_dl)
    for _ in range(5):
        model.train()
        for i, batch in enumerate(train_dl):
            loss, logits = model.training_step(batch, i)
            optimizer.zero_grad()
            loss.backward()
            doctor.observe(*batch, logits, loss)
            optimizer.step()
        model.eval()
        model.outs = []
        with torch.no_grad():
            for i, batch in enumerate(val_dl):
                loss, logits = model.validation_step(batch, i)
                doctor.observe(*batch, logits, loss)
        vl, va = np.mean(model.outs, axis=0)
        doctor.end_epoch(valid_loss=float(vl), valid_accuracy=float(va))
    return doctor.report()


@case("healthy")
def squared_error_as_in_keras():
    def mse(y_pred, y_true):
        return F.mse_loss(y_pred, F.one_hot(y_true, 10).float())

    return fit(*adam(mlp(784, 128, 10), 1e-3), loaders(patterns(), 32, 32), 8, mse)


@case("healthy")
def softmax_and_logarithm_as_in_keras():
    def categorical_crossentropy(p, y_true):
        return -(F.one_hot(y_true, 10) * torch.log(p.clamp(1e-7, 1 - 1e-7))).sum(1).mean()

    model = nn.Sequential(*mlp(784, 128, 10), nn.Softmax(dim=1))
    optimizer = optim.RMSprop(model.parameters(), lr=1e-3)
    return fit(model, optimizer, loaders(patterns(), 32, 32), 6, categorical_crossentropy)


@case("healthy")
def new_head_on_frozen_layers():
    model_conv = pretrained()
    for param in model_conv.parameters():
        param.requires_grad = False
    model_conv.fc = nn.Linear(model_conv.fc.in_features, 5)
    optimizer_conv = optim.SGD(model_conv.fc.parameters(), lr=0.01, momentum=0.9)
    sched = optim.lr_scheduler.StepLR(optimizer_conv, step_size=7, gamma=0.1)
    return fit(model_conv, optimizer_conv, loaders(new_task(), 16, 16), 6, scheduler=sched)


@case("healthy")
def gru_over_rows():
    return fit(*adam(RowGRU(64), 5e-3), loaders(patterns(), 64, 250), 7, clip=1.0, watch_eval=False)


@case("healthy")
def table_with_reduce_on_plateau():
    (x, y), (xv, yv) = table(1500, 1), table(400, 2)
    mean, std = (torch.from_numpy(f(x.numpy(), axis=0)) for f in (np.mean, np.std))
    train_loader, valid_loader = loaders(((x - mean) / std, y, (xv - mean) / std, yv), 32, 400)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    optimizer = optim.RMSprop(model.parameters(), lr=1e-3)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, factor=0.3)
    loss_fn = nn.CrossEntropyLoss()
    doctor = Doctor(model, optimizer, loss_fn, train_loader, valid_loader, scheduler=scheduler)
    for _ in range(12):
        model.train()
        losses = []
        for xb, yb in train_loader:
            optimizer.zero_grad()
            out = model(xb)
            loss = loss_fn(out, yb)
            loss.backward()
            doctor.observe(xb, yb, out, loss)
            optimizer.step()
            losses.append(loss.item())
        vl, va = evaluate(model, valid_loader, loss_fn, doctor)
        scheduler.step(vl)
        doctor.end_epoch(train_loss=float(np.mean(losses)), valid_loss=vl, valid_accuracy=va)
    return doctor.report()


@case("healthy")
def two_classes():
    train, valid = loaders(patterns(900, 300, size=32, channels=3, k=2, family=6, noise=0.3), 100)
    model = LeNet(k=2)
    return script(model, optim.Adagrad(model.parameters(), lr=0.01), train, 6, valid)


@case("healthy")
def hundred_classes():
    data = patterns(5000, 1000, k=100, family=7, noise=0.1, normalize=True)
    model = nn.Sequential(conv_bn(1, 16, 2), conv_bn(16, 32, 2), nn.Flatten(), nn.Linear(32 * 49, 100))
    opt = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    sched = optim.lr_scheduler.CosineAnnealingLR(opt, 6)
    return fit(model, opt, loaders(data, 128, 200), 6, scheduler=sched)


@case("healthy")
def accumulated_gradients():
    train, valid = loaders(sample(), 8)
    criterion = nn.CrossEntropyLoss()
    model, optimizer = adam(LeNet(), 2e-3)
    doctor = Doctor(model, optimizer, criterion, train, valid)
    accumulation_steps = 4
    for _ in range(4):
        for i, (images, labels) in enumerate(train):
            outputs = model(images)
            loss = criterion(outputs, labels) / accumulation_steps
            loss.backward()
            doctor.observe(images, labels, outputs, loss)
            if (i + 1) % accumulation_steps == 0:
                optimizer.step()
                optimizer.zero_grad()
    return doctor.report()


@case("healthy")
def bfloat16_with_warm_restarts():
    train, valid = loaders(patterns(normalize=True))
    model, opt = sgd(mlp(784, 128, 64, 10), 0.05, 0.9)
    sched = optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=2, T_mult=2)
    doctor = Doctor(model, opt, CROSS_ENTROPY, train, valid, scheduler=sched)
    for epoch in range(6):
        model.train()
        for i, (a, b) in enumerate(train):
            opt.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(a)
                loss = CROSS_ENTROPY(out, b)
            loss.backward()
            doctor.observe(a, b, out, loss)
            opt.step()
            sched.step(epoch + i / len(train))
        vl, va = evaluate(model, valid, CROSS_ENTROPY)
        doctor.end_epoch(valid_loss=vl, valid_accuracy=va)
    return doctor.report()


@case("healthy")
def mixup_of_dictionaries():
    def dictionaries(x, y):
        return [{"image": image, "label": label} for image, label in zip(x, y, strict=True)]

    x, y, xv, yv = patterns(1500, 400, size=32, channels=3, family=8, normalize=True)
    train, valid = DataLoader(dictionaries(x, y), 50, shuffle=True), DataLoader(dictionaries(xv, yv), 100)
    model = small_cnn(3, 10, 12, 32)
    opt = optim.AdamW(model.parameters(), lr=2e-3)
    crit = nn.CrossEntropyLoss(label_smoothing=0.05)
    doctor = Doctor(model, opt, crit, train, valid, adapter=lambda batch: (batch["image"], batch["label"]))
    rng = np.random.default_rng(0)
    for _ in range(6):
        model.train()
        for batch in train:
            a, b = batch["image"], batch["label"]
            lam = float(rng.beta(0.4, 0.4))
            perm = torch.randperm(len(b))
            mixed = lam * a + (1 - lam) * a[perm]
            out = model(mixed)
            loss = lam * crit(out, b) + (1 - lam) * crit(out, b[perm])
            opt.zero_grad()
            loss.backward()
            doctor.observe(mixed, b, out, loss)
            opt.step()
    return doctor.report()


@case("healthy")
def sampler_and_focal_loss():
    class FocalLoss(nn.Module):
        def forward(self, out, y):
            logpt = F.log_softmax(out, 1).gather(1, y[:, None]).squeeze(1)
            return (-((1 - logpt.exp()) ** 2) * logpt).mean()

    x, y, xv, yv = patterns(3000, 400, k=4, family=9, noise=0.25)
    x, y = unbalanced(x, y, [600, 300, 120, 60])
    weights = 1.0 / torch.bincount(y).float()
    train = DataLoader(TensorDataset(x, y), 32, sampler=tud.WeightedRandomSampler(weights[y], len(y)))
    return fit(*adam(small_cnn(1, 4, 8), 1e-3), (train, loader(xv, yv, 100, False)), 6, FocalLoss())


@case("healthy")
def stream_with_summed_loss():
    x, y, xv, yv = patterns(1600, 400, family=10)

    class Stream(tud.IterableDataset):
        def __iter__(self):
            for i in torch.randperm(len(y)).tolist():
                yield x[i], y[i]

    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Sequential(
                nn.Conv1d(28, 32, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(32, 32, 5, padding=2), nn.ReLU()
            )
            self.fc = nn.Linear(32 * 14, 10)

        def forward(self, x):
            return self.fc(self.c(x.squeeze(1)).flatten(1))

    train, valid = DataLoader(Stream(), batch_size=32), loader(xv, yv, 100, False)
    return script(*sgd(Rows(), 1e-3, 0.9), train, 7, valid, nn.CrossEntropyLoss(reduction="sum"))


@case("healthy")
def summed_loss():
    train, valid = loaders(patterns(1600, 400, family=10), 32)
    return script(*sgd(mlp(784, 64, 10), 1e-3, 0.9), train, 7, valid, nn.CrossEntropyLoss(reduction="sum"))


@case("healthy")
def large_images_with_group_norm():
    def block(i, o):
        return [nn.Conv2d(i, o, 3, 2, 1), nn.GroupNorm(4, o), nn.ReLU(inplace=True)]

    x, y, xv, yv = patterns(700, 200, size=64, channels=3, k=6, family=11)
    data = (x - 0.5) / 0.5, y, (xv - 0.5) / 0.5, yv
    model = nn.Sequential(*block(3, 8), *block(8, 16), *block(16, 32), *block(32, 32), nn.Flatten(), nn.Linear(512, 6))
    opt = optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4)
    sched = optim.lr_scheduler.CosineAnnealingLR(opt, T_max=6)
    return fit(model, opt, loaders(data, 32, 50), 6, scheduler=sched, watch_eval=False)


@case("healthy")
def tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inp = nn.Linear(784, 64)
            self.a = nn.Linear(64, 64)
            self.b = nn.Linear(64, 64)
            self.b.weight = self.a.weight
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            x = torch.tanh(self.inp(x.flatten(1)))
            return self.out(torch.tanh(self.b(torch.tanh(self.a(x)))))

    return fit(*adam(Tied(), 3e-3), loaders(patterns(family=12), 512, 500), 25)


@case("healthy")
def three_hundred_images():
    def augmented(image):
        a, b = torch.randint(-2, 3, (2,)).tolist()
        return torch.roll(image, (a, b), (1, 2)) + 0.05 * torch.randn(1, 28, 28)

    model = small_cnn(1, 3, 8, dropout=0.3)
    data = patterns(300, 200, k=3, family=13, noise=0.25)
    return fit(*adam(model, 1e-3), loaders(data, 16, 50, change=augmented), 12)


@case("healthy")
def class_weights():
    x, y, xv, yv = patterns(3000, 400, k=4, family=9, noise=0.25)
    x, y = unbalanced(x, y, [600, 300, 120, 58])
    w = 1.0 / torch.bincount(y).float()
    model, optimizer = adam(small_cnn(1, 4, 8), 1e-3)
    return fit(model, optimizer, loaders((x, y, xv, yv), 32), 6, nn.CrossEntropyLoss(weight=w / w.mean()))


def small_batches(batch_size: int, lr: float, epochs: int) -> Report:
    return fit(*sgd(SmallResNet(w=8), lr, 0.9), loaders(sample(700), batch_size), epochs)


@case("healthy")
def batch_norm_with_batches_of_32():
    return small_batches(32, 0.05, 12)


# -- one fault ---------------------------------------------------------------------------------------------


@case("noisy_loss", "batch_of_one", "batch_norm_batch_of_one", "rate_too_high")
def batch_norm_with_batches_of_2():
    return small_batches(2, 0.05, 2)


@case("noisy_loss", "batch_of_one", "batch_norm_batch_of_one", "rate_too_high")
def batch_norm_with_batches_of_2_and_a_lower_rate():
    return small_batches(2, 0.005, 2)


@case("gradients_not_cleared")
def zero_grad_forgotten():
    train = loader(*table(1500, 1), 32)
    model, optimizer = sgd(nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 3)), 0.01, 0.9)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train)
    for _ in range(10):
        for a, b in train:
            out = model(a)
            loss = CROSS_ENTROPY(out, b)
            loss.backward()
            doctor.observe(a, b, out, loss)
            optimizer.step()
    return doctor.report()


@case("gradients_gone", "no_step")
def zero_grad_after_backward():
    train, valid = loaders(patterns(1200, 300))
    model, optimizer = sgd(LeNet(1, 28), 0.05, 0.9)
    doctor = Doctor(model, optimizer, F.cross_entropy, train, valid)
    for _ in range(4):
        for a, b in train:
            out = model(a)
            loss = F.cross_entropy(out, b)
            loss.backward()
            doctor.observe(a, b, out, loss)
            optimizer.zero_grad()
            optimizer.step()
    return doctor.report()


@case("rate_too_high", "loss_not_finite")
def rate_10():
    return fit(*sgd(LeNet(), 10), loaders(sample(2000), 32), 2)


@case("rate_too_high", "loss_not_finite")
def rate_10_in_a_resnet():
    return fit(*sgd(SmallResNet(w=8), 10, 0.9), loaders(sample(2000)), 3)


@case("rate_too_high", "loss_not_finite")
def rate_10_on_a_table():
    return script(*sgd(mlp(20, 64, 64, 3), 10), loader(*table(1500, 1), 32), 5)


@case("rate_too_high", "loss_not_finite")
def rate_1_of_adam():
    return fit(*adam(LeNet(1, 28), 1), loaders(patterns()), 3)


@case("rate_too_low")
def rate_of_a_millionth():
    data = patterns(600, 200, size=64, channels=3, k=6, family=11)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(784, 6)
    )
    return fit(*adam(model, 1e-6), loaders(data, 20, 50), 6)


@case("scheduler_per_batch", "rate_used_up")
def scheduler_in_the_inner_loop():
    train, valid = loaders(sample(), 32)
    model, optimizer = sgd(LeNet(), 0.01, 0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid, scheduler=scheduler)
    for _ in range(3):
        for a, b in train:
            optimizer.zero_grad()
            out = model(a)
            loss = CROSS_ENTROPY(out, b)
            loss.backward()
            doctor.observe(a, b, out, loss)
            optimizer.step()
            scheduler.step()
    return doctor.report()


@case("eval_mode_training", "batch_norm_frozen")
def train_mode_only_once():
    train, valid = loaders(sample(2000), 50)
    model = nn.Sequential(conv_bn(3, 16, 2), conv_bn(16, 32, 2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(2048, 10))
    model, optimizer = adam(model, 1e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    model.train()
    for _ in range(5):
        train_loss = train_epoch(model, train, optimizer, doctor)
        vl, va = evaluate(model, valid, CROSS_ENTROPY, doctor)
        doctor.end_epoch(train_loss=train_loss, valid_loss=vl, valid_accuracy=va)
    return doctor.report()


@case("train_mode_evaluation")
def validation_with_dropout():
    train, valid = loaders(patterns(1500, 500, noise=0.3), 50)
    model, optimizer = adam(small_cnn(1, 10, 8, dropout=0.5), 1e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(5):
        train_epoch(model, train, optimizer, doctor)
        right = 0
        with torch.no_grad():
            for a, b in valid:
                out = model(a)
                doctor.observe(a, b, out, CROSS_ENTROPY(out, b))
                right += (out.argmax(1) == b).sum().item()
        doctor.end_epoch(valid_accuracy=right / 500)
    return doctor.report()


@case("softmax_before_loss")
def softmax_before_cross_entropy():
    return fit(*adam(nn.Sequential(*mlp(784, 128, 10), nn.Softmax(dim=1)), 1e-3), loaders(patterns()), 5)


@case("squashed_outputs", "softmax_before_loss")
def sigmoid_as_the_last_layer():
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 3), nn.Sigmoid())
    return fit(*adam(model, 1e-3), loaders((*table(1500, 1), *table(300, 2)), 32), 8)


@case("output_width", "missing_class", "classes_numbered_differently")
def labels_from_1_and_one_more_output():
    x, y, xv, yv = patterns()
    return fit(*adam(LeNet(1, 28, k=11), 1e-3), loaders((x, y + 1, xv, yv + 1)), 4)


@case("labels_without_information", "rows_out_of_order")
def images_and_labels_shuffled_apart():
    x, y, xv, yv = sample()
    rng = np.random.default_rng(0)
    images, labels = x.numpy().copy(), y.numpy().copy()
    rng.shuffle(images)
    rng.shuffle(labels)
    data = torch.from_numpy(images), torch.from_numpy(labels), xv, yv
    return fit(*adam(SmallResNet(w=8), 1e-3), loaders(data), 3)


@case("input_scale")
def pixels_from_0_to_255():
    x, y, xv, yv = pixels()
    train, valid = loaders((x.float(), y, xv.float(), yv), 32)
    return script(*sgd(LeNet(), 0.01, 0.9), train, 2, valid)


@case("parts_differ")
def only_the_training_normalized():
    x, y, _, _ = sample()
    _, _, xv, yv = pixels()
    return fit(*adam(SmallResNet(w=8), 3e-3), loaders((x, y, xv / 255, yv)), 3)


@case("input_scale", "input_offset", "normalized_twice")
def mean_and_std_exchanged():
    x, y, xv, yv = patterns()
    x, xv = (x - 0.3081) / 0.1307, (xv - 0.3081) / 0.1307  # 0.1307 is the mean of MNIST, 0.3081 the std
    return fit(*sgd(LeNet(1, 28), 0.01, 0.9), loaders((x, y, xv, yv)), 4)


@case("input_scale", "input_offset")
def divided_by_255_twice():
    x, y, xv, yv = pixels()
    x, xv = x.float() / 255, xv.float() / 255  # as ToTensor
    x, xv = x / 255, xv / 255
    return fit(*sgd(LeNet(), 0.01, 0.9), loaders((x, y, xv, yv), 32), 3)


@case("parameters_not_in_optimizer", "no_step", "optimizer_of_another_model")
def all_frozen_but_a_head_that_the_optimizer_lacks():
    model = pretrained()
    for p in model.parameters():
        p.requires_grad = False
    optimizer = optim.SGD(model.fc.parameters(), lr=0.01, momentum=0.9)
    model.fc = nn.Linear(64, 5)
    return fit(model, optimizer, loaders(new_task(), 16, 16), 3)


@case("parameters_not_in_optimizer")
def optimizer_before_new_head():
    model, optimizer = adam(pretrained(), 1e-3)
    model.fc = nn.Linear(64, 5)
    return fit(model, optimizer, loaders(new_task(), 16, 16), 4)


@case("parameters_not_in_optimizer", "frozen_parameters", "hidden_layers")
def layers_in_a_list():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(784, 64), nn.Linear(64, 64), nn.Linear(64, 32)]
            self.out = nn.Linear(32, 10)

        def forward(self, x):
            x = x.flatten(1)
            for layer in self.layers:
                x = F.relu(layer(x))
            return self.out(x)

    return fit(*adam(Net(), 1e-3), loaders(patterns()), 6)


@case("linear_network")
def no_activations():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2, self.fc3 = nn.Linear(3072, 128), nn.Linear(128, 64), nn.Linear(64, 10)

        def forward(self, x):
            return self.fc3(self.fc2(self.fc1(x.view(-1, 3072))))

    return fit(*sgd(Net(), 0.01), loaders(sample()), 4)


@case("init_zero")
def weights_that_start_at_zero():
    model = LeNet(1, 28)
    for p in model.parameters():
        nn.init.constant_(p, 0)
    return fit(*sgd(model, 0.05, 0.9), loaders(patterns()), 3)


@case("vanishing_gradient")
def nine_sigmoids():
    layers = [nn.Flatten(), nn.Linear(784, 64), nn.Sigmoid()]
    for _ in range(8):
        layers += [nn.Linear(64, 64), nn.Sigmoid()]
    return fit(*sgd(nn.Sequential(*layers, nn.Linear(64, 10)), 0.1), loaders(patterns()), 6)


@case("weight_decay_too_high")
def weight_decay_of_a_half():
    model, opt = sgd(SmallResNet(w=8), 0.05, 0.9, weight_decay=0.5)
    return fit(model, opt, loaders(sample(2500)), 4)


@case("gradient_clipped")
def clipped_at_1e_4():
    return fit(*sgd(LeNet(1, 28), 0.1), loaders(patterns(), 32), 4, clip=1e-4)


@case("leak")
def same_images_in_both_parts():
    x, y, _, _ = sample(1200)
    augmented = tud.ConcatDataset([TensorDataset(x, y), TensorDataset(x.clone(), y)])  # twice as much data!
    train, valid = tud.random_split(augmented, [2000, 400])
    both = DataLoader(train, 32, shuffle=True), DataLoader(valid, 100)
    return fit(*adam(LeNet(), 2e-3), both, 5)


@case("missing_class")
def class_missing_in_the_training():
    x, y, xv, yv = sample()
    keep = y != 6
    return fit(*adam(LeNet(), 1e-3), loaders((x[keep], y[keep], xv, yv)), 4)


@case("imbalance")
def fifty_images_to_one():
    x, y, xv, yv = patterns(2400, 400, k=2, family=6, noise=0.4)
    data = *unbalanced(x, y, [1000, 20]), xv, yv
    return fit(*sgd(LeNet(1, 28, k=2), 0.01), loaders(data, 32), 3)


@case("gradients_gone", "no_step")
def loss_detached():
    train, valid = loaders(patterns(1200, 300))
    model, optimizer = adam(LeNet(1, 28))
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(4):
        total = 0
        for a, b in train:
            optimizer.zero_grad()
            out = model(a)
            loss = CROSS_ENTROPY(out, b)
            total += loss.item()
            loss = torch.tensor(loss.item(), requires_grad=True)  # "element 0 of tensors does not require grad"
            loss.backward()
            doctor.observe(a, b, out, loss)
            optimizer.step()
        doctor.end_epoch(train_loss=total / len(train))
    return doctor.report()


@case("no_step")
def step_missing():
    train, valid = loaders(patterns(1000, 300), 50)
    model, optimizer = adam(RowGRU(32), 1e-2)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(3):
        for a, b in train:
            optimizer.zero_grad()
            out = model(a)
            loss = CROSS_ENTROPY(out, b)
            loss.backward()
            doctor.observe(a, b, out, loss)
    return doctor.report()


@case("wrong_loss", "softmax_before_loss")
def softmax_over_the_batch():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp(784, 128, 10)

        def forward(self, x):
            return F.log_softmax(self.body(x), dim=0)

    return fit(*adam(Net(), 1e-3), loaders(patterns()), 5, nn.NLLLoss())


@case("reported_number_differs")
def argmax_over_the_batch():
    train, valid = loaders(patterns(), 50, 10)
    model, optimizer = adam(LeNet(1, 28), 2e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(4):
        model.train()
        train_epoch(model, train, optimizer, doctor)
        model.eval()
        right = count = 0
        with torch.no_grad():
            for a, b in valid:
                out = model(a)
                doctor.observe(a, b, out, CROSS_ENTROPY(out, b))
                right += (out.argmax(dim=0) == b).sum().item()
                count += len(b)
        doctor.end_epoch(valid_accuracy=right / count)
    return doctor.report()


@case("too_few_epochs")
def early_stopping_after_one_epoch():
    train, valid = loaders(sample(), 128)
    model, optimizer = adam(LeNet(), 1e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    best = 0.0  # should be infinity
    for _ in range(50):
        model.train()
        train_loss = train_epoch(model, train, optimizer, doctor)
        vl, va = evaluate(model, valid, CROSS_ENTROPY, doctor)
        doctor.end_epoch(train_loss=train_loss, valid_loss=vl, valid_accuracy=va)
        if vl > best:
            break
        best = vl
    return doctor.report()


@case("overfitting")
def two_hundred_images_25_epochs():
    return fit(*adam(small_cnn(3, 10, 16, 32), 1e-3), loaders(sample(200), 20, 250), 25)


def noisy(epochs: int, clean_valid: bool) -> Report:
    """A training with 40 % of the labels drawn anew."""
    x, y, xv, yv = patterns()
    g = torch.Generator().manual_seed(3)

    def crowd(t):
        wrong = torch.rand(len(t), generator=g) < 0.4
        return torch.where(wrong, torch.randint(0, 10, t.shape, generator=g), t)

    data = x, crowd(y), xv, yv if clean_valid else crowd(yv)
    return fit(*adam(small_cnn(1, 10, 8), 1e-3), loaders(data), epochs)


@case("label_noise")
def noisy_labels():
    return noisy(7, clean_valid=False)


@case("label_noise")
def noisy_labels_for_25_epochs():
    return noisy(25, clean_valid=False)


@case("label_noise")
def noisy_labels_in_the_training_only():
    return noisy(8, clean_valid=True)


@case("constant_images")
def constant_images():
    _, y, _, yv = sample(1500)
    buffer = torch.zeros(3, 32, 32)  # each file is read into it, but returned before it is filled
    both = DataLoader([(buffer, c) for c in y], 32, shuffle=True), DataLoader([(buffer, c) for c in yv], 100)
    return fit(*sgd(SmallResNet(w=8), 0.01, 0.9), both, 2)


@case("sorted_by_class")
def sorted_not_shuffled():
    x, y, xv, yv = sample()
    order = torch.sort(y, stable=True).indices  # as ImageFolder lists them
    both = loader(x[order], y[order], 32, shuffle=False), loader(xv, yv, 100, shuffle=False)
    return fit(*sgd(LeNet(), 0.01, 0.9), both, 3)


@case("relu_on_logits", "dead_units", "dead_units_later")
def relu_on_logits():
    class Net(LeNet):
        def forward(self, x):
            return F.relu(super().forward(x))

    return fit(*sgd(Net(1, 28), 0.05, 0.9), loaders(patterns()), 4)
