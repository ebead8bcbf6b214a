# %% 1: chooses by the test part | must not choose
def report(valid_hits, test_hits):
    accuracies = np.mean(test_hits, axis=1)
    row = int(accuracies.argmax())
    return row, accuracies[row], np.mean(valid_hits[row]) - accuracies[row]
# %% 1: reports the number that was chosen by | chosen by
def report(valid_hits, test_hits):
    accuracies = np.mean(valid_hits, axis=1)
    row = int(accuracies.argmax())
    return row, accuracies[row], accuracies[row] - np.mean(test_hits[row])
# %% 1: the wrong way round | too good
def report(valid_hits, test_hits):
    accuracies = np.mean(valid_hits, axis=1)
    row = int(accuracies.argmax())
    reported = np.mean(test_hits[row])
    return row, reported, reported - accuracies[row]
# %% 1: the last of equals | the first of two
def report(valid_hits, test_hits):
    accuracies = np.mean(valid_hits, axis=1)
    row = int(np.flatnonzero(accuracies == accuracies.max())[-1])
    reported = np.mean(test_hits[row])
    return row, reported, accuracies[row] - reported
# %% 1: the best test number beside the chosen row | not the accuracy of that row
def report(valid_hits, test_hits):
    accuracies = np.mean(valid_hits, axis=1)
    row = int(accuracies.argmax())
    reported = np.mean(test_hits, axis=1).max()
    return row, reported, accuracies[row] - reported
# %% 1: subtracts the mean of all candidates | of one row
def report(valid_hits, test_hits):
    accuracies = np.mean(valid_hits, axis=1)
    row = int(accuracies.argmax())
    return row, np.mean(test_hits[row]), accuracies[row] - np.mean(test_hits)
# %% 2: a line in the number of images | too hopeful
def images_for(target, sizes, errors):
    slope, start = np.polyfit(sizes, errors, 1)
    return math.inf if slope >= 0 else math.ceil((target - start) / slope)
# %% 2: the error itself against the logarithm | too hopeful
def images_for(target, sizes, errors):
    slope, start = np.polyfit(np.log(sizes), errors, 1)
    return math.inf if slope >= 0 else math.ceil(math.exp((target - start) / slope))
# %% 2: only the first and the last point | all points
def images_for(target, sizes, errors):
    slope = math.log(errors[-1] / errors[0]) / math.log(sizes[-1] / sizes[0])
    if slope >= 0:
        return math.inf
    n = sizes[0] * (target / errors[0]) ** (1 / slope)
    return math.ceil(n - 1e-6 * n)
# %% 2: rounded down | one image less
def images_for(target, sizes, errors):
    slope, start = np.polyfit(np.log(sizes), np.log(errors), 1)
    return math.inf if slope >= 0 else math.floor(math.exp((math.log(target) - start) / slope))
# %% 2: a fraction of an image | is whole
def images_for(target, sizes, errors):
    slope, start = np.polyfit(np.log(sizes), np.log(errors), 1)
    return math.inf if slope >= 0 else math.exp((math.log(target) - start) / slope) + 0.3
# %% 2: a rising line is followed backwards | does not fall
def images_for(target, sizes, errors):
    slope, start = np.polyfit(np.log(sizes), np.log(errors), 1)
    n = math.exp(min(500, (math.log(target) - start) / slope))
    return math.ceil(n - 1e-6 * n)
