# %% 1: only the folders below | the folder itself
def all_scalars(folder):
    found = {}
    for path in folder.glob("*/**/events.*"):
        reader = event_accumulator.EventAccumulator(str(path.parent)).Reload()
        for tag in reader.Tags()["scalars"]:
            name = path.parent.relative_to(folder).as_posix()
            found[name, tag] = [(e.step, e.value) for e in reader.Scalars(tag)]
    return found
# %% 1: only the folder itself | below is missing
def all_scalars(folder):
    reader = event_accumulator.EventAccumulator(str(folder)).Reload()
    return {(".", tag): [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
# %% 1: one level below, not two | add_scalars
def all_scalars(folder):
    found = {}
    for path in [folder, *(p for p in folder.iterdir() if p.is_dir())]:
        reader = event_accumulator.EventAccumulator(str(path)).Reload()
        for tag in reader.Tags()["scalars"]:
            found[path.relative_to(folder).as_posix(), tag] = [(e.step, e.value) for e in reader.Scalars(tag)]
    return found
# %% 1: whole events instead of pairs | pair of step and value
def all_scalars(folder):
    found = {}
    for path in {file.parent for file in folder.rglob("events.*")}:
        reader = event_accumulator.EventAccumulator(str(path)).Reload()
        for tag in reader.Tags()["scalars"]:
            found[path.relative_to(folder).as_posix(), tag] = reader.Scalars(tag)
    return found
# %% 1: histograms as well | not a scalar
def all_scalars(folder):
    found = {}
    for path in {file.parent for file in folder.rglob("events.*")}:
        reader = event_accumulator.EventAccumulator(str(path)).Reload()
        name = path.relative_to(folder).as_posix()
        for tag in reader.Tags()["scalars"]:
            found[name, tag] = [(e.step, e.value) for e in reader.Scalars(tag)]
        for tag in reader.Tags()["histograms"]:
            found[name, tag] = [(e.step, e.histogram_value.num) for e in reader.Histograms(tag)]
    return found
# %% 2: no correction of the start | pulls it down
def smoothed(values, weight):
    average, found = 0.0, []
    for value in values:
        average = weight * average + (1 - weight) * value
        found.append(average)
    return found
# %% 2: weight exchanged | weight 0
def smoothed(values, weight):
    average, found = values[0], []
    for value in values:
        average = (1 - weight) * average + weight * value
        found.append(average)
    return found
# %% 2: starts at the first value | wrong share
def smoothed(values, weight):
    average, found = values[0], []
    for value in values:
        average = weight * average + (1 - weight) * value
        found.append(average)
    return found
# %% 2: nan spreads | without being counted
def smoothed(values, weight):
    average, found = 0.0, []
    for n, value in enumerate(values, start=1):
        average = weight * average + (1 - weight) * value
        found.append(average / (1 - weight**n))
    return found
# %% 2: nan is skipped, but counted | without being counted
def smoothed(values, weight):
    average, found = 0.0, []
    for n, value in enumerate(values, start=1):
        if math.isfinite(value):
            average = weight * average + (1 - weight) * value
            value = average / (1 - weight**n)
        found.append(value)
    return found
