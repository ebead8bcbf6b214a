# %% 1: probabilities of the student | below zero
def distillation(student, teacher, T):
    p, q = (student / T).softmax(dim=1), (teacher.detach() / T).softmax(dim=1)
    return T**2 * F.kl_div(p, q, reduction="batchmean")
# %% 1: the mean over all numbers | by B and K
def distillation(student, teacher, T):
    log_p, q = (student / T).log_softmax(dim=1), (teacher.detach() / T).softmax(dim=1)
    return T**2 * F.kl_div(log_p, q, reduction="sum") / student.numel()
# %% 1: student and teacher exchanged | swapped
def distillation(student, teacher, T):
    log_q, p = (teacher.detach() / T).log_softmax(dim=1), (student / T).softmax(dim=1)
    return T**2 * F.kl_div(log_q, p, reduction="batchmean")
# %% 1: without the factor | factor is missing
def distillation(student, teacher, T):
    log_p, q = (student / T).log_softmax(dim=1), (teacher.detach() / T).softmax(dim=1)
    return F.kl_div(log_p, q, reduction="batchmean")
# %% 1: T divides the student only | wrong at T = 4
def distillation(student, teacher, T):
    log_p, q = (student / T).log_softmax(dim=1), teacher.detach().softmax(dim=1)
    return T**2 * F.kl_div(log_p, q, reduction="batchmean")
# %% 1: the teacher learns, too | teacher gets a gradient
def distillation(student, teacher, T):
    log_p, q = (student / T).log_softmax(dim=1), (teacher / T).softmax(dim=1)
    return T**2 * F.kl_div(log_p, q, reduction="batchmean")
# %% 1: cross-entropy with soft targets | wrong at T = 1
def distillation(student, teacher, T):
    return T**2 * F.cross_entropy(student / T, (teacher.detach() / T).softmax(dim=1))
# %% 1: logarithm of a softmax | overflow
def distillation(student, teacher, T):
    p, q = (student / T).softmax(dim=1), (teacher.detach() / T).softmax(dim=1)
    return T**2 * F.kl_div(p.log(), q, reduction="batchmean")
# %% 2: the mean of the means | small batches
def loss_of_all(batches, weight, ignore_index):
    return sum(F.cross_entropy(z, y, weight, ignore_index=ignore_index) for z, y in batches) / len(batches)
# %% 2: weighted by the size of the batch | wrong divisor
def loss_of_all(batches, weight, ignore_index):
    total = sum(F.cross_entropy(z, y, weight, ignore_index=ignore_index) * len(y) for z, y in batches)
    return total / sum(len(y) for _, y in batches)
# %% 2: the sum over the number of samples | wrong divisor
def loss_of_all(batches, weight, ignore_index):
    total = sum(F.cross_entropy(z, y, weight, ignore_index=ignore_index, reduction="sum") for z, y in batches)
    return total / sum(len(y) for _, y in batches)
# %% 2: without weights | wrong divisor
def loss_of_all(batches, weight, ignore_index):
    total = sum(F.cross_entropy(z, y, ignore_index=ignore_index, reduction="sum") for z, y in batches)
    return total / sum((y != ignore_index).sum() for _, y in batches)
# %% 2: ignored labels stand for class 0 in the divisor | ignored ones count
def loss_of_all(batches, weight, ignore_index):
    total = sum(F.cross_entropy(z, y, weight, ignore_index=ignore_index, reduction="sum") for z, y in batches)
    return total / sum(weight[y.where(y != ignore_index, 0)].sum() for _, y in batches)
# %% 2: a batch of ignored labels makes nan | all ignored
def loss_of_all(batches, weight, ignore_index):
    total, divisor = 0.0, 0.0
    for z, y in batches:
        used = weight[y[y != ignore_index]].sum()
        total += F.cross_entropy(z, y, weight, ignore_index=ignore_index) * used
        divisor += used
    return total / divisor
