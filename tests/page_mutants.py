"""Small defects of functions on the pages of part 3, for `mutants.py`: what is wrong, a line before and after."""

DEFECTS = {
    ("01_gradients", "pages/test_page_gradients"): [
        (
            "the slope of tan is sec, as in the notes",
            '"tan x": (torch.tan(x), 1 / torch.cos(x) ** 2),',
            '"tan x": (torch.tan(x), 1 / torch.cos(x)),',
        ),
        (
            "the softmax Jacobian has the wrong sign off the diagonal",
            "return torch.diag(p) - p[:, None] * p[None, :]",
            "return torch.diag(p) + p[:, None] * p[None, :]",
        ),
    ],
    ("02_autograd", "pages/test_page_autograd"): [
        (
            "a value that is used twice keeps one gradient",
            "sent[parent] = sent.get(parent, 0.0) + part",
            "sent[parent] = part",
        ),
        (
            "broadcast axes of size 1 are not summed",
            "return gradient.sum(axis=ones, keepdims=True)",
            "return gradient",
        ),
    ],
    ("03_backpropagation_by_hand", "pages/test_page_backpropagation"): [
        (
            "the mean over the batch is missing",
            "delta = (a - Y) * a * (1 - a) / len(Y)",
            "delta = (a - Y) * a * (1 - a)",
        ),
        (
            "half of the slope",
            "return delta @ W * a * (1 - a)",
            "return delta @ W * a",
        ),
    ],
    ("04_losses_regression", "pages/test_page_losses_regression"): [
        (
            "SmoothL1 forgets beta in the square",
            "e**2 / (2 * beta)",
            "e**2 / 2",
        ),
        (
            "Poisson: full also for a count of 1",
            "torch.where(y > 1, stirling, 0)",
            "torch.where(y >= 1, stirling, 0)",
        ),
    ],
    ("05_cross_entropy", "pages/test_page_cross_entropy"): [
        (
            "label smoothing for ignored samples, too",
            "s / K * share)",
            "s / K)",
        ),
        (
            "the mean divides by the number of labels",
            "divisor = (w * q).sum()",
            "divisor = q.sum()",
        ),
    ],
    ("06_losses_several_labels_and_margins", "pages/test_page_losses_several_labels"): [
        (
            "sum over labels instead of mean",
            "return losses.mean(dim=1), slope / z.shape[1]",
            "return losses.sum(dim=1), slope",
        ),
        (
            "weight inside the power",
            "losses = (w * gap**p).sum(dim=1) / K",
            "losses = ((w * gap) ** p).sum(dim=1) / K",
        ),
    ],
    ("07_losses_ranking_embedding", "pages/test_page_losses_embedding"): [
        (
            "sign of the ranking",
            "losses = (margin - y * (x1 - x2)).clamp(min=0)",
            "losses = (margin + y * (x1 - x2)).clamp(min=0)",
        ),
        (
            "eps added to the distance",
            "d = (v.abs() ** p).sum(dim=1) ** (1 / p)",
            "d = ((v - eps).abs() ** p).sum(dim=1) ** (1 / p) + eps",
        ),
    ],
    ("08_optimizer_base", "pages/test_page_optimizer_base"): [
        (
            "weight decay pushes away from 0",
            'd = p.grad + group["weight_decay"] * p',
            'd = p.grad - group["weight_decay"] * p',
        ),
        (
            "clipping by norm also lengthens",
            "factor = (limit / (norm + 1e-6)).clamp(max=1.0)",
            "factor = limit / (norm + 1e-6)",
        ),
    ],
    ("09_momentum_rules", "pages/test_page_momentum_rules"): [
        (
            "the first velocity is dampened",
            "v = g if v is None else momentum * v + (1 - dampening) * g",
            "v = momentum * (0 if v is None else v) + (1 - dampening) * g",
        ),
        (
            "ASGD averages one step late",
            "max(1, t - 1 - t0)",
            "max(1, t - t0)",
        ),
        (
            "Muon: sides of the scale exchanged",
            "scale = max(1, rows / columns) ** 0.5",
            "scale = max(1, columns / rows) ** 0.5",
        ),
    ],
    ("10_adaptive_rules", "pages/test_page_adaptive_rules"): [
        (
            "Adagrad: eps inside the root",
            "* g / (s.sqrt() + eps)",
            "* g / (s + eps).sqrt()",
        ),
        (
            "Adam: no correction of v",
            "m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)",
            "m_hat, v_hat = m / (1 - b1**t), v",
        ),
        (
            "Adam: eps inside the root",
            "return w - lr * m_hat / (v_hat.sqrt() + eps)",
            "return w - lr * m_hat / (v_hat + eps).sqrt()",
        ),
        (
            "AdamW: coupled decay",
            "decoupled_weight_decay=True,",
            "decoupled_weight_decay=False,",
        ),
        (
            "RAdam: eps after the correction",
            "step = r * step * (1 - b2**t) ** 0.5 / (v.sqrt() + eps)",
            "step = r * step / ((v / (1 - b2**t)).sqrt() + eps)",
        ),
    ],
    ("11_which_optimizer", "pages/test_page_which_optimizer"): [
        (
            "numbers are counted, not bytes",
            "value.numel() * value.element_size()",
            "value.numel()",
        ),
        (
            "the last step near the minimum instead of the first",
            "found[0].item() if len(found)",
            "found[-1].item() if len(found)",
        ),
    ],
    ("12_schedulers", "pages/test_page_schedulers"): [
        (
            "the drop comes a step early",
            "return base * gamma ** (t // size)",
            "return base * gamma ** ((t + 1) // size)",
        ),
        (
            "patience is one epoch short",
            "if bad > patience:",
            "if bad >= patience:",
        ),
    ],
    ("13_training_loop", "pages/test_page_training_loop"): [
        (
            "the measured loss is a sum of batch means over N",
            "sums[0] += criterion(logits, labels).double() * len(labels)",
            "sums[0] += criterion(logits, labels).double()",
        ),
        (
            "zero_grad forgotten",
            "optimizer.zero_grad()  # 3 forget the last gradient",
            "pass",
        ),
    ],
    ("14_overfitting", "pages/test_page_overfitting"): [
        (
            "the noise is not squared in the gap",
            "gap = noise**2 * p / len(x)",
            "gap = noise * p / len(x)",
        ),
        (
            "one draw too many",
            "below ** (k - 1)",
            "below ** k",
        ),
    ],
    ("15_regularization", "pages/test_page_regularization"): [
        (
            "the half is missing",
            "return strength / 2 * sum((w**2).sum() for w in weights)",
            "return strength * sum((w**2).sum() for w in weights)",
        ),
        (
            "shrinks without the rate",
            "w.mul_(1 - rate * strength)",
            "w.mul_(1 - strength)",
        ),
    ],
}
