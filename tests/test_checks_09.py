"""The exercises of notebook 09: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("09")) == ["9.1", "9.2", "9.3", "9.4", "9.5"]


def test_patch_numbers():
    def code(tokens="(height // patch) * (width // patch)", numbers="3 * patch**2", pairs="tokens**2"):
        return f"""
def patch_numbers(height, width, patch):
    tokens = {tokens}
    return tokens, {numbers}, {pairs}
"""

    prove(
        exercises("09")["9.1"],
        [
            code("height * width / patch**2"),
            """
def patch_numbers(height, width, patch):
    count = len(range(0, height, patch)) * len(range(0, width, patch))
    return np.array([count, 3 * patch * patch, count * count])
""",
        ],
        {
            "rows and columns added": code("height // patch + width // patch"),
            "divided by one side only": code("height * width // patch"),
            "the colours forgotten": code(numbers="patch**2"),
            "one side of the patch": code(numbers="3 * patch"),
            "only each token with itself": code(pairs="tokens"),
            "each pair counted once": code(pairs="tokens * (tokens - 1) // 2"),
        },
    )


def test_to_patches():
    def code(order, first="image.reshape(len(image), h // patch, patch, w // patch, patch)"):
        return f"""
def to_patches(image, patch):
    h, w = image.shape[1:]
    return {first}.permute({order}).reshape(-1, len(image) * patch**2)
"""

    prove(
        exercises("09")["9.2"],
        [
            "def to_patches(image, patch): return F.unfold(image[None], patch, stride=patch)[0].T",
            """
def to_patches(image, patch):
    found = []
    for top in range(0, image.shape[1], patch):
        for left in range(0, image.shape[2], patch):
            found.append(image[:, top : top + patch, left : left + patch].numpy().ravel())
    return np.array(found)
""",
        ],
        {
            "memory cut into pieces": "def to_patches(image, patch): return image.reshape(-1, len(image) * patch**2)",
            "columns of patches first": code("3, 1, 0, 2, 4"),
            "colours last": code("1, 3, 2, 4, 0"),
            "patches lie on their side": code("1, 3, 0, 4, 2"),
            "every n-th px": code("2, 4, 0, 1, 3"),
        },
    )


def test_attention():
    def code(weights="scores.softmax(dim=1)", scale="queries.shape[1] ** 0.5", mixed="values"):
        return f"""
def attention(queries, keys, values):
    scores = queries @ keys.T / ({scale})
    return {weights} @ {mixed}
"""

    prove(
        exercises("09")["9.3"],
        [
            "attention = F.scaled_dot_product_attention",
            """
def attention(queries, keys, values):
    rows = []
    for query in queries:
        weights = torch.exp(torch.stack([query.dot(key) for key in keys]) / math.sqrt(len(query)))
        rows.append((weights[:, None] * values).sum(dim=0) / weights.sum())
    return torch.stack(rows)
""",
        ],
        {
            "not divided": code(scale="1"),
            "divided by d": code(scale="queries.shape[1]"),
            "softmax over the queries": code("scores.softmax(dim=0)"),
            "softmax over everything": code("(scores.exp() / scores.exp().sum())"),
            "no softmax": code("scores"),
            "sigmoid instead of softmax": code("scores.sigmoid()"),
            "the largest only": code("F.one_hot(scores.argmax(dim=1), len(keys)).float()"),
            "keys mixed instead of values": code(mixed="keys"),
        },
    )


def test_multi_head():
    start = """
def multi_head(queries, keys, values, heads):
    def attend(q, k, v):
        return F.scaled_dot_product_attention(q, k, v)
    three = queries, keys, values
"""

    def code(text):
        return f"{start}    return {text}\n"

    prove(
        exercises("09")["9.4"],
        [
            code(
                "attend(*(x.unflatten(1, (heads, -1)).transpose(0, 1) for x in three)).transpose(0, 1).flatten(1)",
            ),
            """
def multi_head(queries, keys, values, heads):
    d = queries.shape[1] // heads
    out = torch.zeros_like(queries)
    for head in range(heads):
        part = slice(head * d, head * d + d)
        weights = (queries[:, part] @ keys[:, part].T / d**0.5).softmax(dim=-1)
        out[:, part] = weights @ values[:, part]
    return out.numpy()
""",
        ],
        {
            "one head": code("attend(*three)"),
            "divided by the root of C": code(
                "torch.cat([F.scaled_dot_product_attention(q, k, v, scale=queries.shape[1] ** -0.5) for q, k, v in "
                "zip(*(x.chunk(heads, 1) for x in three))], 1)"
            ),
            "every n-th number": code(
                "torch.cat([attend(*(x[:, h::heads] for x in three)) for h in range(heads)], dim=1)"
            ),
            "the tokens shared out": code("torch.cat([attend(*p) for p in zip(*(x.chunk(heads) for x in three))])"),
            "heads look at heads": code("attend(*(x.unflatten(1, (heads, -1)) for x in three)).flatten(1)"),
            "heads not put back": code(
                "attend(*(x.unflatten(1, (heads, -1)).transpose(0, 1) for x in three)).reshape(queries.shape)"
            ),
            "the heads' mean": code(
                "attend(*(x.unflatten(1, (heads, -1)).transpose(0, 1) for x in three)).mean(dim=0)"
            ),
        },
    )


def test_block_work():
    def code(text):
        return f"def block_work(tokens, channels): return {text}"

    prove(
        exercises("09")["9.5"],
        [
            code("2 * tokens * channels * (6 * channels + tokens)"),
            code("torch.tensor(12 * tokens * channels**2 + 2 * channels * tokens**2)"),
        ],
        {
            "the small network forgotten": code("4 * tokens * channels**2 + 2 * tokens**2 * channels"),
            "the linear map behind attention forgotten": code("11 * tokens * channels**2 + 2 * tokens**2 * channels"),
            "queries, keys and values by one map": code("10 * tokens * channels**2 + 2 * tokens**2 * channels"),
            "half of the small network": code("8 * tokens * channels**2 + 2 * tokens**2 * channels"),
            "the comparisons only": code("12 * tokens * channels**2 + tokens**2 * channels"),
            "no token looks at another": code("12 * tokens * channels**2"),
            "one token": code("12 * channels**2 + 2 * tokens * channels"),
            "the linear maps only": code("12 * channels**2 + 2 * tokens**2 * channels"),
        },
    )
