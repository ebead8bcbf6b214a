"""A second round of small trainings for `foreign_trainings.py`, in the manner of `foreign_cases`.

Whoever wrote them had again read neither the checks of the doctor nor their thresholds. A name that counts as right
may also be `family:data`, any first finding of that family, or `family:*`, any first finding at all: for what has no
name of its own.
"""

import math

import numpy as np
import torch
from foreign_cases import CROSS_ENTROPY, Data, adam, case, evaluate, fit, loader, loaders, mlp, moved, run_epochs

# isort: split
from foreign_cases import sample, sgd, train_epoch, train_unseen
from torch import Tensor, nn, optim
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import SubsetRandomSampler

from helpers.diagnosis.doctor import Doctor, diagnose
from helpers.diagnosis.findings import Report

# -- data --------------------------------------------------------------------------------------------------


def glyphs(n, seed, k, *, size=28, channels=1, noise=0.4, family=7, shares=()) -> tuple[Tensor, Tensor]:
    """float32 [n, channels, size, size] and labels: a pattern of mean 0 a class, moved and noisy."""
    g = torch.Generator().manual_seed(family)
    coarse = torch.randn(k, channels, 6, 6, generator=g)
    smooth = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    smooth = (smooth - smooth.mean((1, 2, 3), keepdim=True)) / smooth.std((1, 2, 3), keepdim=True)
    g = torch.Generator().manual_seed(1000 + seed)
    if shares:
        y = torch.multinomial(torch.tensor(shares), n, replacement=True, generator=g)
    else:
        y = torch.randint(k, (n,), generator=g)
    x = moved(smooth[y], 2, g)
    return x + noise * torch.randn(x.shape, generator=g), y


def tokens(n: int, seed: int, length: int, padding: int = 0) -> tuple[Tensor, Tensor]:
    """int64 [n, length + padding]: words from 1 to 499, three in ten of them of the topic; 0 is the padding."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(5, (n,), generator=g)
    x = torch.randint(1, 500, (n, length), generator=g)
    hot = torch.rand(n, length, generator=g) < 0.3
    topic = 1 + y[:, None] * 40 + torch.randint(40, (n, length), generator=g)
    return F.pad(torch.where(hot, topic, x), (0, padding)), y


# -- networks and loops ------------------------------------------------------------------------------------


class Small(nn.Module):
    """Two convolutions. Args: w, width; k, outputs."""

    def __init__(self, w: int, k: int = 10, channels: int = 3, size: int = 32) -> None:
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(channels, w, 3, padding=1), nn.BatchNorm2d(w)
        self.c2, self.b2 = nn.Conv2d(w, 2 * w, 3, padding=1), nn.BatchNorm2d(2 * w)
        self.fc = nn.Linear(2 * w * (size // 8) ** 2, k)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.b1(self.c1(x))), 4)
        return F.max_pool2d(F.relu(self.b2(self.c2(x))), 2).flatten(1)

    def forward(self, x):
        return self.fc(self.features(x))


class LastState(nn.Module):
    """A recurrent network and a layer on its last state."""

    def __init__(self, rnn: nn.RNNBase, k: int) -> None:
        super().__init__()
        self.rnn, self.fc = rnn, nn.Linear(rnn.hidden_size, k)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


def two_convolutions(channels: int, w: int, size: int, k: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, w, 3, 2, 1), nn.ReLU(), nn.Conv2d(w, 2 * w, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(2 * w * (size // 4) ** 2, k),
    )  # fmt: skip


def accuracy(model: nn.Module, data: Data) -> float:
    """Of the validation, unobserved and in one batch; the model is in training mode afterwards."""
    _, right = evaluate(model, [data[2:]], CROSS_ENTROPY)
    model.train()
    return right


def own_steps(model: nn.Module, optimizer: optim.Optimizer, at_end=lambda: None, **more) -> Report:
    """Args: at_end, what comes after the batches of an epoch; more, as of `train_epoch`."""
    data = sample(1500)
    train, valid = loaders(data, 32)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(5):
        loss = train_epoch(model, train, optimizer, doctor, **more)
        at_end()
        doctor.end_epoch(train_loss=loss, valid_accuracy=accuracy(model, data))
    return doctor.report()


# -- healthy -----------------------------------------------------------------------------------------------


@case("healthy")
def encoder_of_an_autoencoder():
    data = sample(2000)
    encoder = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU())
    decoder = nn.Sequential(nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 3, 4, 2, 1))
    optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    train, valid = loaders(data)
    for x, _ in train:
        optimizer.zero_grad()
        F.mse_loss(decoder(encoder(x)), x).backward()
        optimizer.step()
    model = nn.Sequential(encoder, nn.Flatten(), nn.Linear(32 * 64, 64), nn.ReLU(), nn.Linear(64, 10))
    groups = [{"params": encoder.parameters(), "lr": 1e-4}, {"params": model[2:].parameters(), "lr": 1e-3}]
    return fit(model, optim.Adam(groups), (train, valid), 6)


@case("healthy")
def lstm_on_waves():
    g = torch.Generator().manual_seed(0)

    def waves(n):
        y = torch.randint(4, (n,), generator=g)
        angle = (0.15 + 0.15 * y.float())[:, None] * torch.arange(40.0) + 6.28 * torch.rand(n, generator=g)[:, None]
        return torch.stack([torch.sin(angle), torch.cos(angle)], 2) + 0.3 * torch.randn(n, 40, 2, generator=g), y

    data = *waves(1500), *waves(300)
    return fit(*adam(LastState(nn.LSTM(2, 32, batch_first=True), 4), 5e-3), loaders(data, 50, 50), 5, clip=5.0)


@case("healthy")
def mean_of_embeddings():
    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.fc = nn.Embedding(500, 32, padding_idx=0), nn.Linear(32, 5)

        def forward(self, x):
            return self.fc(self.embedding(x).mean(1))

    return fit(*adam(Bag(), 1e-2), loaders((*tokens(2000, 1, 30), *tokens(400, 2, 30)), 32, 32), 8)


@case("healthy")
def sounds():
    g = torch.Generator().manual_seed(3)

    def tones(n):
        y = torch.randint(6, (n,), generator=g)
        hertz = torch.tensor([220.0, 330, 440, 660, 880, 1320])[y] * (1 + 0.02 * torch.randn(n, generator=g))
        volume = 0.02 + 0.1 * torch.rand(n, 1, generator=g)
        angle = 6.283 * hertz[:, None] * (torch.arange(800.0) / 8000) + 6.28 * torch.rand(n, 1, generator=g)
        return (volume * (torch.sin(angle) + 0.5 * torch.randn(n, 800, generator=g)))[:, None], y

    data = *tones(1200), *tones(300)
    model = nn.Sequential(
        nn.Conv1d(1, 16, 64, 8), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 32, 5),
        nn.BatchNorm1d(32), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 6),
    )  # fmt: skip
    return fit(model, optim.AdamW(model.parameters(), lr=3e-3), loaders(data, 32, 32), 6)


@case("healthy")
def vision_transformer_with_warm_up():
    class ViT(nn.Module):
        def __init__(self, w=48):
            super().__init__()
            self.patches = nn.Conv2d(3, w, 8, 8)
            self.cls, self.places = nn.Parameter(torch.zeros(1, 1, w)), nn.Parameter(0.02 * torch.randn(1, 17, w))
            layer = nn.TransformerEncoderLayer(w, 4, 96, 0.1, "gelu", batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.norm, self.head = nn.LayerNorm(w), nn.Linear(w, 10)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.places
            return self.head(self.norm(self.encoder(x)[:, 0]))

    both, model = loaders(sample(2500)), ViT()
    steps = 7 * len(both[0])
    opt = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    sched = optim.lr_scheduler.LambdaLR(
        opt, lambda i: min((i + 1) / 40, 0.5 * (1 + math.cos(math.pi * min(i, steps) / steps)))
    )
    return fit(model, opt, both, 7, scheduler=sched, every_batch=True, clip=1.0)


@case("healthy")
def distillation_with_a_closure():
    data = sample(2000)
    train, valid = loaders(data)
    teacher = Small(16)
    train_unseen(*adam(teacher, 2e-3), train, 2)
    teacher.eval()
    model, optimizer = adam(Small(8), 2e-3)
    current = {}

    def criterion(out, y):
        with torch.no_grad():
            soft = F.softmax(teacher(current["x"]) / 3, 1)
        apart = F.kl_div(F.log_softmax(out / 3, 1), soft, reduction="batchmean")
        return 0.5 * F.cross_entropy(out, y) + 0.5 * 9 * apart

    def noted():
        for current["x"], y in train:
            yield current["x"], y

    doctor = Doctor(model, optimizer, criterion, train, valid)
    for _ in range(4):
        train_epoch(model, noted(), optimizer, doctor)
        doctor.end_epoch(valid_accuracy=accuracy(model, data))
    return doctor.report()


@case("healthy")
def moving_average_evaluated():
    train, valid = loaders(sample(2000))
    model, optimizer = sgd(Small(12), 0.05, 0.9)
    swa = optim.swa_utils
    average = swa.AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.95), use_buffers=True)

    def step():
        optimizer.step()
        average.update_parameters(model)

    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(5):
        model.train()
        loss = train_epoch(model, train, optimizer, doctor, step=step)
        vl, va = evaluate(average, valid, CROSS_ENTROPY, doctor)
        doctor.end_epoch(train_loss=loss, valid_loss=vl, valid_accuracy=va)
    return doctor.report()


@case("healthy")
def large_batches_with_smoothing_and_class_weights():
    data = sample(4000)
    w = 1 / torch.bincount(data[1]).float()
    criterion = nn.CrossEntropyLoss(weight=w / w.mean(), label_smoothing=0.1)
    model, optimizer = sgd(Small(10), 0.01 * 500 / 32, 0.9)
    sched = optim.lr_scheduler.LinearLR(optimizer, 0.1, 1, 8)
    return fit(model, optimizer, loaders(data, 500, 500), 6, criterion, sched, every_batch=True)


@case("healthy")
def ten_images_to_one_and_learned():
    data = *glyphs(1500, 1, 3, noise=0.6, shares=[10.0, 5, 1]), *glyphs(400, 2, 3, noise=0.6, shares=[10.0, 5, 1])
    model, optimizer = sgd(mlp(784, 64, 3), 0.02, 0.9, nesterov=True)
    sched = optim.lr_scheduler.CosineAnnealingLR(optimizer, 8)
    return fit(model, optimizer, loaders(data, 50, 50), 8, scheduler=sched)


@case("healthy")
def momentum_099_with_a_small_rate():
    return fit(*sgd(Small(12), 0.002, 0.99), loaders(sample(2000), 32), 6)


@case("healthy")
def fifty_classes():
    data = *glyphs(4000, 1, 50, noise=0.5), *glyphs(500, 2, 50, noise=0.5)
    convolutions = nn.Conv2d(1, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU()
    return fit(*adam(nn.Sequential(*convolutions, *mlp(32 * 25, 128, 50)), 3e-4), loaders(data, 32), 6)


@case("healthy")
def checkpointing_and_channels_last():
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.SiLU())
            self.b = nn.Sequential(nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(4, 32), nn.SiLU())
            self.head = nn.Linear(32 * 16, 10)

        def forward(self, x):
            x = checkpoint(self.b, self.a(x), use_reentrant=False)
            return self.head(F.avg_pool2d(x, 2).flatten(1))

    x, y, xv, yv = sample(1500)
    x, xv = x.permute(0, 2, 3, 1).contiguous(), xv.permute(0, 2, 3, 1).contiguous()
    model = Checkpointed().to(memory_format=torch.channels_last)
    optimizer = optim.NAdam(model.parameters(), lr=3e-3)
    both = loaders((x, y, xv, yv), 40)
    return fit(model, optimizer, both, 6, adapter=lambda batch: (batch[0].permute(0, 3, 1, 2), batch[1]))


@case("healthy")
def residual_mlp_in_float64():
    rng = np.random.default_rng(0)
    linear, bent = rng.normal(size=(160, 5)) / 12, rng.normal(size=(160, 5)) / 12

    def rows(n):
        x = rng.normal(size=(n, 200))  # the last 40 say nothing
        z = 3 * x[:, :160] @ linear + np.tanh(x[:, :160]) @ bent
        return torch.from_numpy(x), torch.from_numpy(z.argmax(1))

    class Residual(nn.Module):
        def __init__(self, w):
            super().__init__()
            self.norm, self.a, self.b = nn.LayerNorm(w), nn.Linear(w, w), nn.Linear(w, w)

        def forward(self, x):
            return x + self.b(F.gelu(self.a(self.norm(x))))

    data = *rows(2500), *rows(500)
    model = nn.Sequential(nn.Linear(200, 48), Residual(48), Residual(48), nn.LayerNorm(48), nn.Linear(48, 5)).double()
    return fit(model, optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1), loaders(data, 64, 64), 4)


@case("healthy")
def three_crops_of_an_image():
    def crops(image):
        corners = torch.randint(0, 9, (3, 2)).tolist()
        return torch.stack([image[:, a : a + 24, b : b + 24] for a, b in corners])

    def flat(batch):
        return batch[0].flatten(0, 1), batch[1].repeat_interleave(batch[0].shape[1])

    x, y, xv, yv = sample(1500)
    both = loaders((x, y, xv[:, None, :, 4:28, 4:28], yv), 32, change=crops)
    return fit(*adam(Small(12, size=24)), both, 3, adapter=flat)


@case("healthy")
def curriculum():
    parts = [glyphs(700, seed, 8, noise=noise) for seed, noise in ((1, 0.2), (2, 0.8), (3, 1.4))]
    x, y = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    sampler = SubsetRandomSampler(range(700))
    both = loaders((x, y, *glyphs(400, 9, 8, noise=1.0)), 50, shuffle=False, sampler=sampler)
    model = Small(8, 8, 1, 28)
    optimizer = optim.RMSprop(model.parameters(), lr=1e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, *both)
    for epoch in range(6):
        sampler.indices = range(700 * (1 + epoch // 2))  # the harder ones come later
        run_epochs(doctor, model, optimizer, both, 1)
    return doctor.report()


@case("healthy")
def resumed_halfway():
    both = loaders(sample(2000))
    before, optimizer_before = adam(Small(12))
    for _ in range(3):
        before.train()
        train_unseen(before, optimizer_before, both[0], 1)
        evaluate(before, both[1], CROSS_ENTROPY)
    model, optimizer = adam(Small(12))
    model.load_state_dict(before.state_dict())
    optimizer.load_state_dict(optimizer_before.state_dict())
    return fit(model, optimizer, both, 2)


@case("healthy")
def diagnose_with_loaders_only():
    x, y, xv, yv = sample(1500)
    layers = nn.BatchNorm1d(3072), nn.Linear(3072, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)
    return diagnose(nn.Sequential(nn.Flatten(), *layers), *loaders((x, y, xv[:250], yv[:250]), 50, 250))


@case("healthy")
def twenty_outputs_for_ten_classes():
    x, y, _, _ = sample(2000)
    model, optimizer = adam(Small(12, k=20), 2e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY)
    for _ in range(4):
        train_epoch(model, loader(x, y, 32), optimizer, doctor)
    return doctor.report()


# -- one fault ---------------------------------------------------------------------------------------------


@case("rate_too_high", "loss_not_finite")
def rate_scaled_twice():
    rate = 0.02 * 256 / 32
    return fit(*sgd(Small(10), rate * 256 / 32, 0.9), loaders(sample(4000), 256), 4)


@case("momentum_too_high", "rate_too_high")
def momentum_0999():
    return fit(*sgd(Small(10), 0.02, 0.999), loaders(sample(2000)), 6)


@case("init_small", "init_zero", "family:model")
def all_weights_equal():
    model = mlp(3072, 64, 64, 10)
    for m in model.modules():
        if isinstance(m, nn.Linear):
            nn.init.constant_(m.weight, 0.01)
            nn.init.zeros_(m.bias)
    return fit(*sgd(model, 0.01, 0.9), loaders(sample(2000)), 5)


@case("labels_without_information", "rows_out_of_order", "label_noise")
def argmax_over_the_batch_of_one_hot_labels():
    def collate(rows):
        x, y = zip(*rows, strict=True)
        return torch.stack(x), torch.stack(y).argmax(0)  # ten rows, ten classes: the shape is right

    x, y, xv, yv = sample(1500)
    train = loader(x, F.one_hot(y, 10).float(), 10, drop_last=True, collate_fn=collate)
    valid = loader(xv, F.one_hot(yv, 10).float(), 10, False, collate_fn=collate)
    return fit(*adam(Small(8)), (train, valid), 4)


@case("labels_without_information", "rows_out_of_order", "label_noise")
def images_shuffled_again_in_the_batch():
    def collate(rows):
        x, y = (torch.stack(tensors) for tensors in zip(*rows, strict=True))
        flip = torch.rand(len(x)) < 0.5
        x[flip] = x[flip].flip(-1)
        return x[torch.randperm(len(x))], y

    return fit(*adam(Small(10)), loaders(sample(2000), collate_fn=collate), 5)


@case("constant_images", "parts_differ", "labels_without_information", "family:data")
def erased_but_for_25_pixels():
    def erased(image):
        noise = torch.randn(3, 32, 32)
        a, b = torch.randint(0, 28, (2,)).tolist()
        noise[:, a : a + 5, b : b + 5] = image[:, a : a + 5, b : b + 5]
        return noise

    return fit(*adam(Small(10)), loaders(sample(2000), change=erased), 4)


@case("parts_differ", "family:data", "family:evaluation")
def red_and_blue_exchanged_in_the_validation():
    def colours(n, seed):
        x, y = glyphs(n, seed, 6, channels=3, size=16, noise=1.0, family=3)
        x = (0.12 * x + torch.tensor([0.6, 0.45, 0.3])[:, None, None]).clamp(0, 1)
        return (x - 0.5) / 0.25, y

    xv, yv = colours(500, 2)
    return fit(*adam(two_convolutions(3, 16, 16, 6)), loaders((*colours(2000, 1), xv.flip(1), yv), 32), 4)


@case("not_covered")
def first_500_images_only():
    x, y, xv, yv = sample(4000)
    order = torch.randperm(4000, generator=torch.Generator().manual_seed(0))
    data = x[order], y[order], xv, yv
    first = SubsetRandomSampler(range(500))  # left from debugging
    return fit(*adam(Small(10)), loaders(data, 50, shuffle=False, sampler=first), 10)


@case("no_step", "not_covered", "family:*")
def no_batch_after_drop_last():
    return fit(*adam(Small(10)), loaders(sample(200), 256, drop_last=True), 5)


@case("leak")
def validation_images_in_the_training():
    x, y, xv, yv = sample(2000)
    data = torch.cat([x, xv[:150]]), torch.cat([y, yv[:150]]), xv, yv
    return fit(*adam(Small(10)), loaders(data), 5)


@case("no_step", "gradients_not_cleared", "family:optimizer")
def one_step_an_epoch():
    model, optimizer = sgd(Small(10), 0.02, 0.9)
    return own_steps(model, optimizer, step=lambda: None, at_end=optimizer.step)


@case("gradient_clipped", "no_step", "rate_too_low", "family:optimizer")
def clipped_while_scaled():
    model, optimizer = sgd(Small(10), 0.02, 0.9)
    scaler = torch.amp.GradScaler("cpu")

    def backward(loss):
        scaler.scale(loss).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # scaler.unscale_(optimizer) is missing

    return own_steps(model, optimizer, backward=backward, step=lambda: (scaler.step(optimizer), scaler.update()))


@case("rate_used_up", "rate_too_low", "family:optimizer")
def a_tenth_of_the_rate_every_epoch():
    model, optimizer = sgd(Small(10), 0.005, 0.9)
    sched = optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    return fit(model, optimizer, loaders(sample(1500)), 8, scheduler=sched)


@case("optimizer_of_another_model", "no_step", "not_learning", "family:optimizer", "family:model")
def model_made_anew_every_epoch():
    both = loaders(sample(1500))
    model, optimizer = adam(Small(10))
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, *both)
    for _ in range(5):
        run_epochs(doctor, Small(10), optimizer, both, 1)
    return doctor.report()


@case("family:model")
def softmax_between_layers():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(3072, 128), nn.Softmax(1), nn.Linear(128, 128), nn.Softmax(1), nn.Linear(128, 10)
    )
    return fit(*sgd(model, 0.05, 0.9), loaders(sample(2000)), 8)


@case("constant_images", "vanishing_gradient", "family:data", "family:model")
def words_forgotten_over_the_padding():
    data = *tokens(600, 1, 20, padding=130), *tokens(200, 2, 20, padding=130)
    model = nn.Sequential(nn.Embedding(500, 16), LastState(nn.GRU(16, 24, batch_first=True), 5))
    return fit(*adam(model, 3e-3), loaders(data, 50), 5)


@case("gradients_gone", "frozen_parameters", "family:optimizer", "family:model")
def detached_in_the_middle():
    class Net(Small):
        def forward(self, x):
            self.last_features = self.features(x).detach()  # kept for a plot
            return self.fc(self.last_features)

    return fit(*adam(Net(4)), loaders(sample(2000)), 5)


@case("reported_number_differs", "metric_per_batch", "family:evaluation")
def numbers_of_the_last_batch():
    x, y, xv, yv = sample(2000)
    order = torch.argsort(yv)  # read by folder
    train, valid = loaders((x, y, xv[order], yv[order]), 64, 32)
    model, optimizer = adam(Small(10))
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    for _ in range(5):
        model.train()
        for batch in train:
            loss = train_epoch(model, [batch], optimizer, doctor)
        for batch in valid:
            vl, va = evaluate(model, [batch], CROSS_ENTROPY, doctor)
        doctor.end_epoch(train_loss=loss, valid_loss=vl, valid_accuracy=va)
    return doctor.report()


@case("wrong_split")
def evaluates_the_training_loader():
    train, valid = loaders(sample(800), 32)
    model, optimizer = adam(Small(12), 2e-3)
    doctor = Doctor(model, optimizer, CROSS_ENTROPY, train, valid)
    run_epochs(doctor, model, optimizer, (train, train), 8)
    return doctor.report()


@case("squashed_outputs")
def cosines_without_a_scale():
    class Net(Small):
        def forward(self, x):
            return F.linear(F.normalize(self.features(x)), F.normalize(self.fc.weight))

    model = Net(10)
    model.fc = nn.Linear(20 * 16, 10, bias=False)
    return fit(*adam(model), loaders(sample(2000)), 5)


@case("labels_without_information", "label_noise", "family:data")
def arrows_to_the_left_and_right_flipped():
    g = torch.Generator().manual_seed(5)
    arrow = torch.zeros(20, 20)
    for i in range(8):
        arrow[10 - i : 10 + i + 1, 2 + i] = 1.0
    arrow[8:12, 9:18] = 1.0
    arrows = torch.stack([arrow, arrow.flip(1), arrow.t(), arrow.t().flip(0)])[:, None]

    def drawn(n):
        y = torch.randint(4, (n,), generator=g)
        x = moved(arrows[y], 2, g)
        return x * 2 - 0.5 + 0.5 * torch.randn(x.shape, generator=g), y

    def flipped(image):
        return image.flip(-1) if torch.rand(()) < 0.5 else image

    data = *drawn(1500), *drawn(400)
    return fit(*adam(two_convolutions(1, 12, 20, 4)), loaders(data, 50, change=flipped), 6)
