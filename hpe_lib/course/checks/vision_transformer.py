"""Checks of notebook 09: patches counted and cut, attention, its heads, and what a block costs."""

import torch

from hpe_lib.course.verdict import Mistake, judge


def check_patch_numbers(answer):
    """A function (height, width, patch) px -> tokens, numbers in a patch of an RGB image, pairs of tokens."""

    def of(tokens=lambda h, w, p: (h // p) * (w // p), numbers=lambda p: 3 * p * p, pairs=lambda t: t * t):
        return lambda h, w, p: [tokens(h, w, p), numbers(p), pairs(tokens(h, w, p))]

    # fmt: off
    mistakes = [
        Mistake("rows and columns added", of(tokens=lambda h, w, p: h // p + w // p),
                "So many rows and columns there are. How many patches stand in a grid of 3 rows and 4 columns?"),
        Mistake("divided by one side only", of(tokens=lambda h, w, p: h * w // p),
                "A patch takes away a square of the image: p px of its height and p px of its width."),
        Mistake("the colours forgotten", of(numbers=lambda p: p * p),
                "So many px a patch has. Each of them holds three numbers, red, green and blue."),
        Mistake("one side of the patch", of(numbers=lambda p: 3 * p),
                "This is one row of the patch. It has as many rows as columns."),
        Mistake("only each token with itself", of(pairs=lambda t: t),
                "Every token looks at every token, and each such look is a number of its own."),
        Mistake("each pair counted once", of(pairs=lambda t: t * (t - 1) // 2),
                "The wrist looks at the elbow and the elbow at the wrist, two numbers; and each looks at itself."),
    ]
    # fmt: on
    cases = [(32, 16, 8), (256, 192, 16), (128, 96, 8), (60, 90, 30)]
    praise = "Half the patch: four times the tokens, sixteen times the pairs."
    return judge(answer, of(), cases, mistakes, praise)


def check_to_patches(answer):
    """A function (image (C, H, W), patch px) -> (T, C * patch * patch), row of patches by row of patches."""

    def cut(order):
        def patches(image, patch):
            channels, height, width = image.shape
            tiles = image.reshape(channels, height // patch, patch, width // patch, patch)
            return tiles.permute(*order).reshape(-1, channels * patch * patch)

        return patches

    # fmt: off
    mistakes = [
        Mistake("memory cut into pieces", lambda image, patch: image.reshape(-1, len(image) * patch * patch),
                "`reshape` alone takes numbers as they lie in memory, row by row of the whole image: a token would be "
                "made of stripes. Give each side two dimensions first, the patch's number and the place inside."),
        Mistake("columns of patches first", cut((3, 1, 0, 2, 4)),
                "Patches are counted as one reads: along the first row, then the second."),
        Mistake("colours last", cut((1, 3, 2, 4, 0)),
                "Inside a patch the channel comes first, then its rows, then its columns, as in a convolution."),
        Mistake("patches lie on their side", cut((1, 3, 0, 4, 2)),
                "Rows and columns inside of each patch have changed places."),
        Mistake("every n-th px", cut((2, 4, 0, 1, 3)),
                "This token holds px from all over the image: after the split the patch's number comes first, "
                "the place inside second."),
    ]
    # fmt: on
    cases = [
        (torch.arange(32.0).reshape(2, 4, 4), 2),
        (torch.arange(72.0).reshape(3, 4, 6).mul(0.7).sin(), 2),
        (torch.arange(162.0).reshape(2, 9, 9).cos(), 3),
    ]
    return judge(answer, cut((1, 3, 0, 2, 4)), cases, mistakes, "A token is a patch, written as one row of numbers.")


def check_attention(answer):
    """A function (queries (T, d), keys (S, d), values (S, e)) -> (T, e)."""

    def build(scale=lambda d: d**0.5, dim=-1, weigh=torch.softmax):
        return lambda q, k, v: weigh(q @ k.T / scale(q.shape[1]), dim) @ v

    # fmt: off
    mistakes = [
        Mistake("not divided", build(scale=lambda d: 1),
                "Sums over d products grow as the root of d, and a softmax of large numbers looks at one token only. "
                "What does the formula divide by?"),
        Mistake("divided by d", build(scale=lambda d: d),
                "Under the fraction stands the root of d."),
        Mistake("softmax over the queries", build(dim=0),
                "Each query shares out its own attention: the weights of one row, over all keys, add up to 1."),
        Mistake("softmax over everything", build(weigh=lambda x, _: x.flatten().softmax(0).reshape(x.shape)),
                "All rows together add up to 1 here. Each row should."),
        Mistake("no softmax", build(weigh=lambda x, _: x),
                "Similarities are no weights yet: they may be negative, and do not add up to 1."),
        Mistake("sigmoid instead of softmax", build(weigh=lambda x, _: x.sigmoid()),
                "Each weight lies between 0 and 1, but a row does not add up to 1."),
        Mistake("the largest only", build(weigh=lambda x, _: (x == x.amax(1, keepdim=True)).float()),
                "This takes the value of the best key. Attention mixes all of them, by their weights."),
        Mistake("keys mixed instead of values", lambda q, k, v: build()(q, k, k),
                "Keys say what a token is found by, values what it hands over. Which of them are mixed?"),
    ]
    # fmt: on
    wave = torch.arange(60.0).mul(1.7).sin().mul(2)
    cases = [
        (wave[:4].reshape(2, 2), wave[4:8].reshape(2, 2), wave[8:12].reshape(2, 2)),
        (wave[:12].reshape(3, 4), wave[12:32].reshape(5, 4), wave[32:52].reshape(5, 4)),
        (wave[20:29].reshape(3, 3), wave[30:39].reshape(3, 3), wave[40:49].reshape(3, 3)),
    ]
    return judge(answer, build(), cases, mistakes, "The whole of attention: compare, share out, mix.")


def check_multi_head(answer):
    """A function (queries, keys, values, each (T, C), heads) -> (T, C), the heads' answers side by side."""

    def attend(q, k, v, size=None):
        return (q @ k.transpose(-2, -1) / (size or q.shape[-1]) ** 0.5).softmax(-1) @ v

    def right(q, k, v, heads, size=None):
        return torch.cat([attend(*parts, size) for parts in zip(*(x.chunk(heads, 1) for x in (q, k, v)))], 1)

    def interleaved(q, k, v, heads):
        parts = [attend(q[:, h::heads], k[:, h::heads], v[:, h::heads]) for h in range(heads)]
        return torch.cat(parts, dim=1)

    def tokens_shared_out(q, k, v, heads):
        return torch.cat([attend(*parts) for parts in zip(*(x.chunk(heads, 0) for x in (q, k, v)))])

    def heads_look_at_heads(q, k, v, heads):
        parts = [x.reshape(len(x), heads, -1) for x in (q, k, v)]
        return attend(*parts).flatten(1)

    def not_put_back(q, k, v, heads):
        parts = [x.reshape(len(x), heads, -1).transpose(0, 1) for x in (q, k, v)]
        return attend(*parts).reshape(len(q), -1)

    # fmt: off
    mistakes = [
        Mistake("one head", lambda q, k, v, heads: attend(q, k, v),
                "All C numbers are compared at once here. Each head compares its own C / heads numbers."),
        Mistake("divided by the root of C", lambda q, k, v, heads: right(q, k, v, heads, q.shape[1]),
                "A head sums over its own d = C / heads products: by the root of which number does it divide?"),
        Mistake("every n-th number", interleaved,
                "A head's numbers stand next to one another: the first C / heads numbers are the first head's."),
        Mistake("the tokens shared out", tokens_shared_out,
                "Each head sees every token, but only a part of its numbers. You have cut the other dimension."),
        Mistake("heads look at heads", heads_look_at_heads,
                "In (T, heads, d) a matrix product compares the heads of one token. Bring the heads to the front: "
                "(heads, T, d)."),
        Mistake("heads not put back", not_put_back,
                "The result is (heads, T, d), and `reshape` cuts it as it lies in memory. Bring T to the front again."),
        Mistake("the heads' mean", lambda q, k, v, heads: right(q, k, v, heads).reshape(len(q), heads, -1).mean(1),
                "The heads' answers stand side by side, C numbers in all; nothing is averaged."),
    ]
    # fmt: on
    wave = torch.arange(200.0).mul(1.1).sin().mul(2)
    cases = [
        (*(wave[start : start + 16].reshape(4, 4) for start in (0, 20, 40)), 2),
        (*(wave[start : start + 36].reshape(6, 6) for start in (50, 90, 130)), 3),
        (*(wave[start : start + 32].reshape(4, 8) for start in (10, 60, 150)), 2),
    ]
    return judge(answer, right, cases, mistakes, "Several small attentions for the price of one.")


def check_block_work(answer):
    """A function (tokens, channels) -> the multiply-adds of one block."""

    def of(linear=12, square=2):
        return lambda t, c: linear * t * c * c + square * t * t * c

    # fmt: off
    mistakes = [
        Mistake("the small network forgotten", of(linear=4),
                "Attention alone. After it every token goes through C -> 4 C -> C."),
        Mistake("the linear map behind attention forgotten", of(linear=11),
                "The heads' answers, side by side, pass one more map of C x C."),
        Mistake("queries, keys and values by one map", of(linear=10),
                "Each token is turned into three things, by three matrices of C x C."),
        Mistake("half of the small network", of(linear=8),
                "C -> 4 C are 4 C^2 multiply-adds, and 4 C -> C as many again."),
        Mistake("the comparisons only", of(square=1),
                "T x T sums over C numbers compare; and then? The values are mixed by T x T weights as well."),
        Mistake("no token looks at another", of(square=0),
                "The linear maps alone. What do T queries and T keys cost that are compared each with each?"),
        Mistake("one token", lambda t, c: 12 * c * c + 2 * t * c,
                "The work of one token. There are T of them."),
        Mistake("the linear maps only", lambda t, c: 12 * c * c + 2 * t * t * c,
                "The matrices have 12 C^2 numbers; each is used once for every token."),
    ]
    # fmt: on
    cases = [(1, 1), (2, 3), (48, 96), (192, 64), (192, 768)]
    praise = "The first term grows with the tokens, the second with their square."
    return judge(answer, of(), cases, mistakes, praise)
