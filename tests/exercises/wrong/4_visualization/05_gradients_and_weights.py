# %% 1: divided the wrong way round | of the weights, not
def layer_rates(model, wanted):
    sizes = [0.0 if p.grad is None else rms(p.grad) for p in model.parameters()]
    return [wanted * s / rms(p) if s else 0.0 for p, s in zip(model.parameters(), sizes, strict=True)]
# %% 1: the standard deviation for the rms | of the weights, not
def layer_rates(model, wanted):
    rates = []
    for p in model.parameters():
        size = 0.0 if p.grad is None else p.grad.std().item()
        rates.append(wanted * p.detach().std().item() / size if size else 0.0)
    return rates
# %% 1: the norm above, the rms below | of the weights, not
def layer_rates(model, wanted):
    rates = []
    for p in model.parameters():
        size = 0.0 if p.grad is None else rms(p.grad)
        rates.append(wanted * p.detach().norm().item() / size if size else 0.0)
    return rates
# %% 1: leaves out what has no gradient | one rate a parameter
def layer_rates(model, wanted):
    return [wanted * rms(p) / rms(p.grad) if rms(p.grad) else 0.0 for p in model.parameters() if p.grad is not None]
# %% 1: a zero gradient is divided by a small number | all zero
def layer_rates(model, wanted):
    rates = []
    for p in model.parameters():
        rates.append(0.0 if p.grad is None else wanted * rms(p) / (rms(p.grad) + 1e-12))
    return rates
# %% 1: makes the step as well | weights were changed
def layer_rates(model, wanted):
    rates = []
    for p in model.parameters():
        size = 0.0 if p.grad is None else rms(p.grad)
        rates.append(wanted * rms(p) / size if size else 0.0)
        if size:
            p.data.sub_(rates[-1] * p.grad)
    return rates
# %% 1: one rate for the whole model | all zero
def layer_rates(model, wanted):
    pairs = [(rms(p), rms(p.grad)) for p in model.parameters() if p.grad is not None]
    rate = wanted * sum(a for a, _ in pairs) / sum(b for _, b in pairs)
    return [0.0 if p.grad is None else rate for p in model.parameters()]
# %% 2: the norm instead of the rms | many numbers counts as large
def alarms(gradients, share):
    sizes = {name: g.norm().item() for name, g in gradients.items()}
    bound = share * max((s for s in sizes.values() if math.isfinite(s)), default=0.0)
    return [name for name, s in sizes.items() if not math.isfinite(s) or s < bound]
# %% 2: compared with the last layer | which share of what
def alarms(gradients, share):
    sizes = {name: rms(g) for name, g in gradients.items()}
    bound = share * list(sizes.values())[-1]
    return [name for name, s in sizes.items() if not math.isfinite(s) or s < bound]
# %% 2: the mean, not the rms | cancel
def alarms(gradients, share):
    sizes = {name: abs(g.mean().item()) for name, g in gradients.items()}
    bound = share * max((s for s in sizes.values() if math.isfinite(s)), default=0.0)
    return [name for name, s in sizes.items() if not math.isfinite(s) or s < bound]
# %% 2: nan is below nothing | not finite
def alarms(gradients, share):
    sizes = {name: rms(g) for name, g in gradients.items()}
    bound = share * max((s for s in sizes.values() if math.isfinite(s)), default=0.0)
    return [name for name, s in sizes.items() if s < bound]
# %% 2: an infinite gradient is the largest | not finite
def alarms(gradients, share):
    sizes = {name: rms(g) for name, g in gradients.items()}
    bound = share * max((s for s in sizes.values() if not math.isnan(s)), default=0.0)
    return [name for name, s in sizes.items() if not math.isfinite(s)] if math.isinf(bound) else [
        name for name, s in sizes.items() if not math.isfinite(s) or s < bound
    ]
# %% 2: a fixed bound | small gradient
def alarms(gradients, share):
    return [name for name, g in gradients.items() if not math.isfinite(rms(g)) or rms(g) < 1e-3]
# %% 2: stops where nothing is finite | stopped with ValueError
def alarms(gradients, share):
    sizes = {name: rms(g) for name, g in gradients.items()}
    bound = share * max(s for s in sizes.values() if math.isfinite(s))
    return [name for name, s in sizes.items() if not math.isfinite(s) or s < bound]
