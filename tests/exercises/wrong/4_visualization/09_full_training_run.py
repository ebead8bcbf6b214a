# %% 1: the loss of a over b | the gain of b
def gain_and_error(right_a, right_b):
    gains = right_a.double() - right_b.double()
    return gains.mean(), gains.std() / math.sqrt(len(gains))
# %% 1: the errors of two sets of images | pair
def gain_and_error(right_a, right_b):
    a, b = right_a.double().mean(), right_b.double().mean()
    n = len(right_a)
    return b - a, ((a * (1 - a) + b * (1 - b)) / n).sqrt()
# %% 1: N in the variance | N - 1
def gain_and_error(right_a, right_b):
    gains = right_b.double() - right_a.double()
    return gains.mean(), gains.std(correction=0) / math.sqrt(len(gains))
# %% 1: the spread of one image | error of a mean
def gain_and_error(right_a, right_b):
    gains = right_b.double() - right_a.double()
    return gains.mean(), gains.std()
# %% 1: only images on which they differ | another difference
def gain_and_error(right_a, right_b):
    gains = (right_b.double() - right_a.double())[right_a != right_b]
    return gains.mean(), gains.std() / math.sqrt(len(gains))
# %% 1: in points | another difference
def gain_and_error(right_a, right_b):
    gains = 100 * (right_b.double() - right_a.double())
    return gains.mean(), gains.std() / math.sqrt(len(gains))
# %% 2: images a minute | a second, not a minute
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second
    epochs = int(minutes / each)
    return epochs, min(saved_every, epochs) * each
# %% 2: fractions of epochs | whole epochs
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    epochs = minutes / each
    return epochs, min(saved_every, epochs) * each
# %% 2: rounded up | whole epochs
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    epochs = -int(-round(minutes / each, 6) // 1)
    return epochs, min(saved_every, epochs) * each
# %% 2: images and not epochs | number of epochs
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    return 60 * minutes * images_per_second, saved_every * each
# %% 2: the loss in seconds | minutes, not seconds
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second
    epochs = int(60 * minutes / each)
    return epochs, min(saved_every, epochs) * each
# %% 2: one epoch less can be lost | before the next checkpoint
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    epochs = int(minutes / each)
    return epochs, min(saved_every - 1, epochs) * each
# %% 2: half of the way, on average | before the next checkpoint
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    epochs = int(minutes / each)
    return epochs, min(saved_every / 2, epochs) * each
# %% 2: more than was trained | than was trained
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    return int(minutes / each), saved_every * each
# %% 2: nothing is lost where no checkpoint is due | no checkpoint was written
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    epochs = int(minutes / each)
    return epochs, saved_every * each if epochs >= saved_every else 0
# %% 2: at least one epoch | no whole epoch
def plan_epochs(minutes, images_per_second, num_images, saved_every):
    each = num_images / images_per_second / 60
    epochs = max(1, int(minutes / each))
    return epochs, min(saved_every, epochs) * each
