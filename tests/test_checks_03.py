"""The exercises of notebook 03: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_the_exercises_are_there():
    assert list(exercises("03")) == ["3.1", "3.2", "3.3", "3.4", "3.5"]


def test_size_after():
    def wrong(line):
        return f"def size_after(n, layers):\n    for k, s, p in layers:\n        n = {line}\n    return n"

    prove(
        exercises("03")["3.1"],
        [
            """
def size_after(n, layers):
    x = torch.zeros(1, 1, n, n)
    for kernel, stride, padding in layers:
        x = nn.Conv2d(1, 1, kernel, stride, padding)(x)
    return x.shape[2]
""",
            """
def size_after(n, layers):
    if not layers:
        return float(n)
    (kernel, stride, padding), *rest = layers
    return size_after(len(range(-padding, n + padding - kernel + 1, stride)), rest)
""",
        ],
        {
            "padding on one side only": wrong("(n + p - k) // s + 1"),
            "the + 1 forgotten": wrong("(n + 2 * p - k) // s"),
            "rounded up": wrong("math.ceil((n + 2 * p - k) / s + 1)"),
            "not rounded": wrong("(n + 2 * p - k) / s + 1"),
            "the stride forgotten": wrong("n + 2 * p - k + 1"),
            "stride and padding exchanged": """
def size_after(n, layers):
    for k, p, s in layers:
        n = (n + 2 * p - k) // s + 1
    return n
""",
            "only divided by the stride": wrong("n // s"),
            "one layer instead of all": """
def size_after(n, layers):
    for kernel, stride, padding in layers:
        return (n + 2 * padding - kernel) // stride + 1
""",
        },
    )
    last = """
def size_after(n, layers):
    for kernel, stride, padding in layers:
        size = (n + 2 * padding - kernel) // stride + 1
    return size
"""
    assert exercises("03")["3.1"].verdict(last).misconception == "one layer instead of all"
    assert exercises("03")["3.1"].verdict(wrong("-(-n // s)")).misconception == "only divided by the stride"


def test_cross_entropy_loss():
    start = """
def cross_entropy_loss(logits, truth):
    log_p = logits.log_softmax(dim=1)
    chosen = log_p[range(len(truth)), truth]
"""
    prove(
        exercises("03")["3.2"],
        [
            start + "    return -chosen.sum() / len(truth)",
            """
def cross_entropy_loss(logits, truth):
    total = 0.0
    for row, label in zip(logits.tolist(), truth.tolist()):
        top = max(row)
        total += top + math.log(sum(math.exp(z - top) for z in row)) - row[label]
    return total / len(truth)
""",
            """
def cross_entropy_loss(logits, truth):
    logits = logits.clone().requires_grad_()
    return -(F.one_hot(truth, logits.shape[1]) * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
""",
        ],
        {
            "large logits overflow": """
def cross_entropy_loss(logits, truth):
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1)[:, None]
    return -p.gather(1, truth[:, None]).log().mean()
""",
            "logarithm of a probability stored as 0": """
def cross_entropy_loss(logits, truth):
    shifted = (logits - logits.max(dim=1, keepdim=True).values).exp()
    p = shifted / shifted.sum(dim=1, keepdim=True)
    return -p[torch.arange(len(truth)), truth].log().mean()
""",
            "the sum instead of the mean": start + "    return -chosen.sum()",
            "the mean over classes too": start + "    return -(F.one_hot(truth, logits.shape[1]) * log_p).mean()",
            "the minus forgotten": start + "    return chosen.mean()",
            "softmax over the people": """
def cross_entropy_loss(logits, truth):
    shifted = logits - logits.max(dim=0).values
    log_p = shifted - shifted.exp().sum(dim=0).log()
    return -log_p[torch.arange(len(truth)), truth].mean()
""",
            "the logarithm forgotten": start + "    return -chosen.exp().mean()",
            "torch's own function": "cross_entropy_loss = nn.CrossEntropyLoss()",
            "logarithm to another base": start + "    return -(chosen / math.log(2)).mean()",
        },
    )
    own = exercises("03")["3.2"].verdict("def cross_entropy_loss(z, y): return F.cross_entropy(z, y)")
    assert own.misconception == "torch's own function"
    naive = """
def cross_entropy_loss(logits, truth):
    log_p = logits - logits.exp().sum(dim=1, keepdim=True).log()
    return -log_p[torch.arange(len(truth)), truth].mean()
"""
    assert exercises("03")["3.2"].verdict(naive).misconception == "large logits overflow"
    assert exercises("03")["3.2"].verdict(start + "    return 2 * -chosen.mean()").state == "wrong"


def test_table_scores():
    prove(
        exercises("03")["3.3"],
        ["table_scores = 85 / 100, 3 / 5, 3 / 4", "table_scores = torch.tensor([0.85, 0.6, 0.75])"],
        {
            "percent instead of shares": "table_scores = [85, 60, 75]",
            "precision and recall swapped": "table_scores = [0.85, 0.75, 0.6]",
            "the wrong positive class": "table_scores = [0.85, 70 / 75, 70 / 80]",
            "true negatives forgotten": "table_scores = [15 / 100, 15 / 25, 15 / 20]",
            "recall of the negative class": "table_scores = [0.85, 0.6, 70 / 80]",
            "divided by everybody": "table_scores = [0.85, 15 / 100, 0.75]",
            "accuracy": "table_scores = [0.8, 0.6, 0.75]",
            "recall": "table_scores = [0.85, 0.6, 0.7]",
            "accuracy and precision": "table_scores = torch.tensor([0.8, 0.65, 0.75])",
            "accuracy and precision and recall": "table_scores = np.array([0.8, 0.5, 0.7])",
        },
    )
    assert "3 results" in exercises("03")["3.3"].verdict("table_scores = [0.8, 0.6]").text


def test_bottleneck_forward():
    def wrong(end, shortcut="x if block.downsample is None else block.downsample(x)", relu="F.relu"):
        return f"""
def bottleneck_forward(block, x):
    kept = {shortcut}
    x = {relu}(block.bn1(block.conv1(x)))
    x = {relu}(block.bn2(block.conv2(x)))
    x = block.bn3(block.conv3(x))
    return {end}
"""

    prove(
        exercises("03")["3.4"],
        [
            """
def bottleneck_forward(block, x):
    inside = nn.Sequential(block.conv1, block.bn1, nn.ReLU(), block.conv2, block.bn2, nn.ReLU(), block.conv3, block.bn3)
    x.requires_grad_()
    out = inside(x)
    out += block.downsample(x) if block.downsample else x
    return out.clamp(min=0)
""",
        ],
        {
            "ReLU before the addition": wrong("F.relu(x) + kept"),
            "ReLU before the addition, and again after it": wrong("F.relu(F.relu(x) + kept)"),
            "the last ReLU forgotten": wrong("x + kept"),
            "the projection forgotten": wrong("F.relu(x + kept)", shortcut="x"),
            "no shortcut": wrong("F.relu(x)"),
            "the shortcut taken too late": """
def bottleneck_forward(block, x):
    for conv, bn in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        x = torch.relu(bn(conv(x)))
    x = block.bn3(block.conv3(x))
    return torch.relu(x + (block.downsample(x) if block.downsample else x))
""",
            "no ReLU inside": wrong("F.relu(x + kept)", relu=""),
            "a ReLU is missing after the first batch norm": wrong("F.relu(x + kept)").replace("F.relu", "", 1),
            "a ReLU is missing after the second batch norm": wrong("F.relu(x + kept)").replace(
                "F.relu(block.bn2", "(block.bn2"
            ),
            "downsample is None here": wrong("F.relu(x + kept)", shortcut="block.downsample(x)"),
            "the block itself called": "bottleneck_forward = lambda block, x: block(x)",
            "batch norm left out": wrong("F.relu(x + kept)")
            .replace("block.bn1", "")
            .replace("block.bn2", "")
            .replace("block.bn3", ""),
        },
    )
    unknown = exercises("03")["3.4"].verdict(wrong("2 * F.relu(x + kept)"))
    assert "a block with 8 channels in, stride 1" in unknown.text and "Conv2d" not in unknown.text


def test_bottleneck_weights():
    def wrong(projected, inside="inputs * width + 9 * width**2 + 4 * width**2"):
        return f"""
def bottleneck_weights(inputs, width, stride):
    return {inside} + (4 * width * inputs if {projected} else 0)
"""

    right = "inputs != 4 * width or stride > 1"
    prove(
        exercises("03")["3.5"],
        [
            """
def bottleneck_weights(inputs, width, stride):
    block = models.Bottleneck(inputs, width, stride)
    return sum(p.numel() for p in block.parameters() if p.dim() == 4)
""",
            wrong(right),
        ],
        {
            "the projection forgotten": wrong("False"),
            "a projection everywhere": wrong("True"),
            "a projection for the stride only": wrong("stride == 2"),
            "a projection for the channels only": wrong("inputs != 4 * width"),
            "only some strides and channels asked": wrong("inputs < 4 * width or stride != 1"),
            "inputs compared with the width": wrong("inputs != width or stride != 1"),
            "the 3 × 3 counted as 1 × 1": wrong(right, "inputs * width + width**2 + 4 * width**2"),
            "four times the width forgotten": wrong(right, "inputs * width + 9 * width**2 + width**2"),
            "a projection to the width only": """
def bottleneck_weights(inputs, width, stride):
    inside = inputs * width + 9 * width**2 + 4 * width**2
    return inside + (inputs * width if inputs != 4 * width or stride > 1 else 0)
""",
            "divided by the stride's square": """
def bottleneck_weights(inputs, width, stride):
    total = inputs * width + 13 * width**2 + (4 * inputs * width if inputs != 4 * width or stride > 1 else 0)
    return total // stride**2
""",
            "batch norm counted": wrong(right, "inputs * width + 13 * width**2 + 12 * width"),
        },
    )
