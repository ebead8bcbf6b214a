# %% 1: healthy rows count as sick | nothing to be found
def precision_and_recall(rows):
    found = [name == r["expected"] for r in rows for name in r["faults"]]
    ill = [r["expected"] in r["faults"] for r in rows]
    return sum(found) / len(found) if found else math.nan, sum(ill) / len(ill)
# %% 1: false alarms of healthy rows are left out | false alarm
def precision_and_recall(rows):
    sick = [r for r in rows if r["expected"]]
    found = [name == r["expected"] for r in sick for name in r["faults"]]
    ill = [r["expected"] in r["faults"] for r in sick]
    return sum(found) / len(found) if found else math.nan, sum(ill) / len(ill) if ill else math.nan
# %% 1: only the first finding counts | at any place
def precision_and_recall(rows):
    first = [r["faults"][0] == r["expected"] for r in rows if r["faults"]]
    ill = [r["faults"][:1] == [r["expected"]] for r in rows if r["expected"]]
    return sum(first) / len(first) if first else math.nan, sum(ill) / len(ill) if ill else math.nan
# %% 1: divided by rows with a finding | not rows
def precision_and_recall(rows):
    ill = [r["expected"] in r["faults"] for r in rows if r["expected"]]
    told = [r["expected"] in r["faults"] for r in rows if r["faults"]]
    return sum(told) / len(told) if told else math.nan, sum(ill) / len(ill) if ill else math.nan
# %% 1: zero where there is nothing to divide by | nothing was found: nan
def precision_and_recall(rows):
    found = [name == r["expected"] for r in rows for name in r["faults"]]
    ill = [r["expected"] in r["faults"] for r in rows if r["expected"]]
    return sum(found) / max(1, len(found)), sum(ill) / max(1, len(ill))
# %% 1: the mean of the precisions of the rows | divide by findings
def precision_and_recall(rows):
    parts = [r["faults"].count(r["expected"]) / len(r["faults"]) for r in rows if r["faults"]]
    ill = [r["expected"] in r["faults"] for r in rows if r["expected"]]
    return sum(parts) / len(parts) if parts else math.nan, sum(ill) / len(ill) if ill else math.nan
# %% 2: the question with the most yes | useless
def next_question(answers, asked):
    return int(answers.sum(axis=0).argmax())
# %% 2: the fewest yes | halves are better
def next_question(answers, asked):
    yes = answers.sum(axis=0)
    return int(np.where(yes > 0, yes, 99).argmin())
# %% 2: as if nothing had been asked | within the leaves
def next_question(answers, asked):
    yes = answers.sum(axis=0)
    return int((yes**2 + (len(answers) - yes) ** 2).argmin())
# %% 2: the last of equals | the first
def next_question(answers, asked):
    def left(q):
        return sum(n**2 for n in Counter(map(tuple, answers[:, [*asked, q]].tolist())).values())

    return min(reversed(range(answers.shape[1])), key=left)
# %% 2: puts its choice on the list | `asked` was changed
def next_question(answers, asked):
    def left(q):
        return sum(n**2 for n in Counter(map(tuple, answers[:, [*asked, q]].tolist())).values())

    asked.append(min(range(answers.shape[1]), key=left))
    return asked[-1]
# %% 2: the most leaves | halves are better
def next_question(answers, asked):
    return max(range(answers.shape[1]), key=lambda q: len(set(map(tuple, answers[:, [*asked, q]].tolist()))))
