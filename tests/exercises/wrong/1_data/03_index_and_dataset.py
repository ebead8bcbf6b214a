# %% 1: the second word of a line | stopped with ValueError
def count_labels(index_path):
    counts = {}
    for line in Path(index_path).read_text().splitlines():
        label = int(line.split()[1])
        counts[label] = counts.get(label, 0) + 1
    return counts
# %% 1: opens every image | stopped with DataError
from helpers.data.dataset import MyDataset
def count_labels(index_path):
    counts = {}
    for _, label in MyDataset(index_path):
        counts[label] = counts.get(label, 0) + 1
    return counts
# %% 1: the labels of the line before | some images have another label
def count_labels(index_path):
    labels = [int(line.rpartition(" ")[2]) for line in Path(index_path).read_text().splitlines()]
    counts, last = {}, labels[0]
    for label in labels:
        counts[last] = counts.get(last, 0) + 1
        last = label
    return counts
# %% 1: one digit | never occurs
def count_labels(index_path):
    labels = [int(line[-1]) for line in Path(index_path).read_text().splitlines()]
    return {label: labels.count(label) for label in labels}
# %% 1: the label as text | not a text
def count_labels(index_path):
    labels = [line.rpartition(" ")[2] for line in Path(index_path).read_text().splitlines()]
    return {label: labels.count(label) for label in labels}
# %% 1: the last line is lost | not every line
def count_labels(index_path):
    labels = [int(line.rpartition(" ")[2]) for line in Path(index_path).read_text().split("\n")[:-2]]
    return {label: labels.count(label) for label in labels}
# %% 1: ten classes, whether they occur or not | never occurs
def count_labels(index_path):
    labels = [int(line.rpartition(" ")[2]) for line in Path(index_path).read_text().splitlines()]
    return {label: labels.count(label) for label in range(13)}
# %% 1: a list | not a dict
def count_labels(index_path):
    labels = [int(line.rpartition(" ")[2]) for line in Path(index_path).read_text().splitlines()]
    return [labels.count(label) for label in range(13)]
# %% 2: every image of a class is its first one | more than once
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        self.dataset, self.keep = dataset, [dataset.classes.index(name) for name in keep]
        self.labels = [self.keep.index(k) for k in dataset.targets if k in self.keep]
    def __len__(self):
        return len(self.labels)
    def __getitem__(self, k):
        label = self.labels[k]
        return self.dataset[self.dataset.targets.index(self.keep[label])][0], label
# %% 2: the old labels | does not fit
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        self.dataset = dataset
        self.items = [i for i, k in enumerate(dataset.targets) if dataset.classes[k] in keep]
    def __len__(self):
        return len(self.items)
    def __getitem__(self, k):
        return self.dataset[self.items[k]]
# %% 2: the labels in the order of the data set's classes | does not fit
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        self.dataset, old = dataset, sorted(dataset.classes.index(name) for name in keep)
        self.items = [(i, old.index(k)) for i, k in enumerate(dataset.targets) if k in old]
    def __len__(self):
        return len(self.items)
    def __getitem__(self, k):
        return self.dataset[self.items[k][0]][0], self.items[k][1]
# %% 2: class by class | another order
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        self.dataset, old = dataset, [dataset.classes.index(name) for name in keep]
        self.items = [(i, new) for new, k in enumerate(old) for i, t in enumerate(dataset.targets) if t == k]
    def __len__(self):
        return len(self.items)
    def __getitem__(self, k):
        return self.dataset[self.items[k][0]][0], self.items[k][1]
# %% 2: reads every image at once | before anyone asks
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        self.items = [(dataset[i][0], keep.index(dataset.classes[k]))
                      for i, k in enumerate(dataset.targets) if dataset.classes[k] in keep]
    def __len__(self):
        return len(self.items)
    def __getitem__(self, k):
        return self.items[k]
# %% 2: changes the data set that it was given | was changed
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        old = [dataset.classes.index(name) for name in keep]
        dataset.samples = [(path, old.index(k)) for path, k in dataset.samples if k in old]
        dataset.targets = [k for _, k in dataset.samples]
        self.dataset = dataset
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, k):
        return self.dataset[k]
# %% 2: opens the file itself, without the transform | transform is not applied
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        old = [dataset.classes.index(name) for name in keep]
        self.items = [(path, old.index(k)) for path, k in dataset.samples if k in old]
    def __len__(self):
        return len(self.items)
    def __getitem__(self, k):
        path, label = self.items[k]
        return Image.open(path).getpixel((0, 0)), label
# %% 2: the length of the whole | length
class OnlyClasses(Dataset):
    def __init__(self, dataset, keep):
        self.dataset, self.keep = dataset, keep
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, k):
        return self.dataset[k]
# %% 3: caches nothing | asked for again
class Cached(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, i):
        return self.dataset[i]
# %% 3: the image replaced by zeros | image is another one
class Cached(Dataset):
    def __init__(self, dataset):
        self.dataset, self.items = dataset, {}
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, i):
        if i not in self.items:
            image, label = self.dataset[i]
            self.items[i] = torch.zeros_like(image), label
        return self.items[i]
# %% 3: everything is read at the start | before anyone asks
class Cached(Dataset):
    def __init__(self, dataset):
        self.items = [dataset[i] for i in range(len(dataset))]
    def __len__(self):
        return len(self.items)
    def __getitem__(self, i):
        return self.items[i]
# %% 3: only the last 128 items | asked for again
import functools
class Cached(Dataset):
    def __init__(self, dataset):
        self.dataset, self.item = dataset, functools.lru_cache(lambda i: dataset[i])
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, i):
        return self.item(i)
# %% 3: one cache for all data sets | share their items
class Cached(Dataset):
    items = {}
    def __init__(self, dataset):
        self.dataset = dataset
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, i):
        if i not in self.items:
            self.items[i] = self.dataset[i]
        return self.items[i]
# %% 3: only the label is kept | asked for again
class Cached(Dataset):
    def __init__(self, dataset):
        self.dataset, self.labels = dataset, {}
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, i):
        image, label = self.dataset[i]
        return image, self.labels.setdefault(i, label)
# %% 3: kept by label | image is another one
class Cached(Dataset):
    def __init__(self, dataset):
        self.dataset, self.items = dataset, {}
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, i):
        if i % 10 not in self.items:
            self.items[i % 10] = self.dataset[i]
        return self.items[i % 10]
