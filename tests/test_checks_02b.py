"""The exercises of notebook 02b: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("02b")) == ["2b.1", "2b.2", "2b.3", "2b.4", "2b.5"]


def test_as_input():
    prove(
        exercises("02b")["2b.1"],
        [
            "as_input = lambda image: (image.float() / 255).movedim(-1, 0).unsqueeze(0)",
            "def as_input(image):\n    return torch.stack([image[..., c] for c in range(3)])[None] / 255.0",
        ],
        {
            "reshaped instead of permuted": "as_input = lambda image: image.view(1, 3, *image.shape[:2]) / 255",
            "not divided by 255": "as_input = lambda image: image.permute(2, 0, 1)[None].float()",
            "the batch forgotten": "as_input = lambda image: image.permute(2, 0, 1) / 255",
            "rows and columns exchanged": "as_input = lambda image: image.T[None] / 255",
            "the channels left at the end": "as_input = lambda image: image[None] / 255",
            "divided by 256": "as_input = lambda image: image.permute(2, 0, 1)[None] / 256",
            "divided as whole numbers": "as_input = lambda image: image.permute(2, 0, 1)[None] // 255",
        },
    )


def test_slopes():
    def paper(dw, db):
        return f"def slopes_on_paper(w, b, x, t):\n    d = w * x + b - t\n    return {dw}, {db}"

    by_torch = """
def slopes_on_paper(w, b, x, t):
    both = torch.tensor([float(w), float(b)], requires_grad=True)
    return torch.autograd.grad((both[0] * x + both[1] - t) ** 2, both)[0]
"""
    by_differences = """
def slopes_on_paper(w, b, x, t):
    loss = lambda w, b: (w * x + b - t) ** 2
    return (loss(w + 1e-4, b) - loss(w - 1e-4, b)) / 2e-4, (loss(w, b + 1e-4) - loss(w, b - 1e-4)) / 2e-4
"""
    prove(
        exercises("02b")["2b.2"],
        [
            by_differences,
            paper("2 * w * x**2 + 2 * (b - t) * x", "[2 * d][0]"),
            by_torch,
        ],
        {
            "the inner derivative forgotten": paper("2 * d", "2 * d"),
            "the 2 forgotten": paper("d * x", "d"),
            "the sign turned": paper("-2 * d * x", "-2 * d"),
            "the two exchanged": paper("2 * d", "2 * d * x"),
            "the square's root": paper("2 * x", "2"),
            "by the other factor": paper("2 * d * w", "2 * d"),
        },
    )


def test_relu_network():
    def network(units="torch.relu(w1 * x[:, None] + b1)", out="units @ w2 + b2"):
        return f"def relu_network(x, w1, b1, w2, b2):\n    units = {units}\n    return {out}"

    loop = """
def relu_network(x, w1, b1, w2, b2):
    y = torch.zeros(len(x))
    for a, b, c in zip(w1, b1, w2):
        y += c * (a * x + b).clamp(min=0)
    return y + b2
"""
    plain = network("w1 * x[:, None] + b1")
    prove(
        exercises("02b")["2b.3"],
        [loop, network("F.relu(torch.outer(x, w1) + b1)")],
        {
            "ReLU forgotten": plain,
            "ReLU after the sum": network("w1 * x[:, None] + b1", "torch.relu(units @ w2 + b2)"),
            "ReLU twice": network(out="torch.relu(units @ w2 + b2)"),
            "the last level forgotten": network(out="units @ w2"),
            "the second weights forgotten": network(out="units.sum(1) + b2"),
            "the level added for every unit": network(out="(units * w2 + b2).sum(1)"),
            "the mean of the units": network(out="(units * w2).mean(1) + b2"),
            "the absolute value": network("(w1 * x[:, None] + b1).abs()"),
        },
    )


def test_descend():
    def loop(step="theta - rate * 2 * (theta - 3)", turns="range(steps)"):
        return f"def descend(theta, rate, steps):\n    for _ in {turns}:\n        theta = {step}\n    return theta"

    by_torch = """
def descend(theta, rate, steps):
    theta = torch.tensor(float(theta), requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        ((theta - 3) ** 2).backward()
        optimizer.step()
    return theta.item()
"""
    prove(
        exercises("02b")["2b.4"],
        [by_torch, "descend = lambda theta, rate, steps: 3 + (theta - 3) * (1 - 2 * rate) ** steps"],
        {
            "uphill": loop("theta + rate * 2 * (theta - 3)"),
            "the slope's 2 forgotten": loop("theta - rate * (theta - 3)"),
            "a single step": "descend = lambda theta, rate, steps: theta - rate * 2 * (theta - 3)",
            "the slope of the start": "descend = lambda theta, rate, steps: theta - steps * rate * 2 * (theta - 3)",
            "one step too many": loop(turns="range(steps + 1)"),
            "one step too few": loop(turns="range(1, steps)"),
            "the loss for the slope": loop("theta - rate * (theta - 3) ** 2"),
            "the rate forgotten": loop("theta - 2 * (theta - 3)"),
        },
    )


def test_normalised():
    def formula(spread="x.var(dim=0, unbiased=False)", mean="x.mean(dim=0)", by="(spread + 1e-5).sqrt()"):
        return f"def normalised(x):\n    spread = {spread}\n    return (x - {mean}) / {by}"

    prove(
        exercises("02b")["2b.5"],
        [
            "normalised = lambda x: nn.BatchNorm1d(x.shape[1], affine=False)(x)",
            formula("(x**2).mean(0) - x.mean(0) ** 2"),
            "normalised = lambda x: (x - x.mean(0)) / x.std(0, unbiased=False)",
        ],
        {
            "over the channels": formula("x.var(dim=1, unbiased=False, keepdim=True)", "x.mean(dim=1, keepdim=True)"),
            "over everything": formula("x.var(unbiased=False)", "x.mean()"),
            "divided by N - 1": formula("x.var(dim=0)"),
            "the mean kept": formula(mean="0"),
            "the root forgotten": formula(by="(spread + 1e-5)"),
            "only the mean taken off": formula(by="1"),
            "from 0 to 1": "normalised = lambda x: (x - x.min(0).values) / (x.max(0).values - x.min(0).values)",
        },
    )
