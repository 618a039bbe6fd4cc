"""ViTPose (Xu et al. 2022): a plain vision transformer (Dosovitskiy et al. 2021) that answers with heatmaps.

Image -> patches -> tokens + positions -> blocks of attention and a small network per token -> map -> head.
Parameters have the names and shapes of the authors' program, so that published weights load.
"""

import torch
from torch import nn
from torch.nn import functional

from hpe_lib.models.registry import register

SIZES = {  # of the published networks: channels, layers, heads (source: the authors' configurations)
    "small": (384, 12, 12),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "huge": (1280, 32, 16),
}


class PatchEmbed(nn.Module):
    """Images (N, 3, H, W) to tokens (N, C, H / patch, W / patch): one linear map of each patch, as a convolution.

    The authors pad by 2 px, so that patches begin 2 px outside. With patches of 16 px the middle of token i, at px
    16 i + 5.5, then lies where its heatmap cells 4 i to 4 i + 3 do, round px 16 i + 6.
    """

    def __init__(self, patch, channels):
        super().__init__()
        self.proj = nn.Conv2d(3, channels, patch, stride=patch, padding=2)

    def forward(self, images):
        return self.proj(images)


class Attention(nn.Module):
    """Multi-head self-attention: softmax(Q K^T / sqrt(d)) V in each head of d = C / heads numbers, then a linear map.

    (N, T, C) -> (N, T, C) for T tokens. Source: Vaswani et al. 2017, equation 1 and section 3.2.2.
    """

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def split(self, x):
        """Queries, keys and values of every head: (3, N, heads, T, d)."""
        return self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def weights(self, x):
        """Who looks at whom, written out: (N, heads, T, T); each row adds up to 1."""
        queries, keys, _ = self.split(x)
        return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1)

    def forward(self, x):
        mixed = functional.scaled_dot_product_attention(*self.split(x))  # (N, heads, T, d)
        return self.proj(mixed.transpose(1, 2).flatten(2))  # the heads side by side again


class Mlp(nn.Module):
    """The same two layers for every token: C -> 4 C -> C, with GELU between."""

    def __init__(self, channels):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(x)))


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): the norm comes first, the sum lets everything pass."""

    def __init__(self, channels, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(channels, eps=1e-6), Attention(channels, heads)
        self.norm2, self.mlp = nn.LayerNorm(channels, eps=1e-6), Mlp(channels)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


@register("vit")
class ViTPose(nn.Module):
    """An image (N, 3, H, W), normalised RGB, to heatmaps (N, K, H / stride, W / stride); stride is patch / 2^doublings.

    size: a key of SIZES, or (channels, layers, heads). head: "deconvolution" (each doubling has `head_width` channels)
    or "simple" (ReLU, bilinear enlargement, one 3 x 3 convolution). input_wh: px that positions are learnt for.
    """

    # fmt: off
    def __init__(self, size="base", num_keypoints=17, input_wh=(192, 256), patch=16,
                 head="deconvolution", doublings=2, head_width=256):
        # fmt: on
        super().__init__()
        if head not in ("deconvolution", "simple"):
            raise ValueError(f"head is 'deconvolution' or 'simple', got {head!r}")
        if isinstance(size, str) and size not in SIZES:
            raise ValueError(f"size is one of {', '.join(SIZES)}, or (channels, layers, heads), got {size!r}")
        channels, layers, heads = SIZES[size] if isinstance(size, str) else size
        self.num_keypoints, self.patch, self.stride = num_keypoints, patch, patch // 2**doublings
        self.input_wh, self.grid = tuple(input_wh), (input_wh[1] // patch, input_wh[0] // patch)  # px; rows, columns
        self.patch_embed = PatchEmbed(patch, channels)
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + self.grid[0] * self.grid[1], channels))  # 0: the class token's
        self.blocks = nn.ModuleList([TransformerBlock(channels, heads) for _ in range(layers)])
        self.last_norm = nn.LayerNorm(channels, eps=1e-6)
        self.deconv_layers = nn.Sequential()
        for _ in range(doublings if head == "deconvolution" else 0):
            up = nn.ConvTranspose2d(channels, head_width, 4, 2, 1, bias=False)
            self.deconv_layers.extend([up, nn.BatchNorm2d(head_width), nn.ReLU(inplace=True)])
            channels = head_width
        kernel = 3 if head == "simple" else 1
        self.final_layer = nn.Conv2d(channels, num_keypoints, kernel, padding=kernel // 2)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for module in [*self.deconv_layers, self.final_layer]:
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.001)  # heatmaps start at 0
        nn.init.zeros_(self.final_layer.bias)

    def positions(self, rows, columns):
        """Position embeddings (1, C, rows, columns): the learnt ones, or bicubic between them.

        The first one was the class token's in pretraining; the authors add it to every token.
        """
        places = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, self.grid)
        if (rows, columns) != self.grid:
            places = functional.interpolate(places, size=(rows, columns), mode="bicubic")
        return places + self.pos_embed[:, 0, :, None, None]

    def tokens(self, images):
        """What each block gets, and what the last one gives: a list of layers + 1 tensors (N, T, C), row by row."""
        if any(side % self.patch for side in images.shape[-2:]):
            raise ValueError(
                f"crops of {images.shape[-1]} x {images.shape[-2]} px are not whole patches: both sides are multiples "
                f"of {self.patch} px; change input_wh"
            )
        x = self.patch_embed(images)  # (N, C, rows, columns)
        found = [(x + self.positions(*x.shape[2:])).flatten(2).transpose(1, 2)]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found

    def answer(self, tokens, rows, columns):
        """Heatmaps from tokens (N, T, C) behind any block."""
        x = self.last_norm(tokens).transpose(1, 2).unflatten(2, (rows, columns))  # a map again
        if not len(self.deconv_layers):
            x = functional.interpolate(x.relu(), scale_factor=self.patch // self.stride, mode="bilinear")
        return self.final_layer(self.deconv_layers(x))

    def forward(self, images):
        rows, columns = (side // self.patch for side in images.shape[-2:])
        return self.answer(self.tokens(images)[-1], rows, columns)
