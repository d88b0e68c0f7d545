"""texture_unet in PyTorch, as docs/texture_unet.md has it: the peer Rivulet's kernels are measured beside.

Needs PyTorch alone. Inference; weights come from Rivulet's own files.
"""
import json
import math
import struct

import torch
import torch.nn.functional as F


def read_safetensors(path):
    """Tensors by name, and the metadata of a .safetensors file (floats, halves and integers)."""
    types = {"F32": (torch.float32, 4), "F16": (torch.float16, 2), "I32": (torch.int32, 4), "I64": (torch.int64, 8)}
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        dtype, width = types[entry["dtype"]]
        first, last = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=dtype, count=(last - first) // width, offset=first)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors, metadata


class TextureUNet(torch.nn.Module):
    """forward(x [N,C,H,W], t [N], s [N], w [N], classes [N,K+1], style [N,D]) -> [N,O,H,W]; s and w are ignored by
    networks without them."""

    def __init__(self, path):
        super().__init__()
        tensors, metadata = read_safetensors(path)
        self.config = json.loads(metadata["config"])
        for name, value in tensors.items():
            self.register_buffer(name.replace(".", "_"), value.float())
        steps = torch.arange(self.config["time_frequencies"], dtype=torch.float64)
        self.register_buffer(
            "frequencies", torch.exp(-math.log(10000.0) * steps / self.config["time_frequencies"]).float()
        )
        self.mode = "constant" if self.config.get("padding") == "zero" else "circular"

    def weight(self, name):
        return getattr(self, name.replace(".", "_"))

    def conv3(self, name, x, stride=1):
        x = F.pad(x, (1, 1, 1, 1), mode=self.mode)
        return F.conv2d(x, self.weight(name + ".weight"), self.weight(name + ".bias"), stride=stride)

    def conv1(self, name, x):
        return F.conv2d(x, self.weight(name + ".weight"), self.weight(name + ".bias"))

    def linear(self, name, x):
        return F.linear(x, self.weight(name + ".weight"), self.weight(name + ".bias"))

    def rms(self, name, x):
        squares = x.float().square().mean(dim=1, keepdim=True)
        scale = torch.rsqrt(squares + self.config["norm_eps"]).to(x.dtype)
        return x * scale * self.weight(name)[:, None, None]

    def sincos(self, value):
        angles = 1000.0 * value.float()[:, None] * self.frequencies[None, :].float()
        return torch.cat([angles.cos(), angles.sin()], dim=1)

    def embedding(self, t, s, w, classes, style, dtype):
        features = [self.sincos(t)]
        if self.config["target_time"]:
            features.append(self.sincos(s))
        if self.config["guidance"]:
            features.append(self.sincos(w / 10.0))
        if self.config["style_dim"] != 0:
            features.append((style.float() - self.style_norm_mean.float()) / self.style_norm_std.float())
        e = self.linear("emb.in", torch.cat(features, dim=1).to(dtype)) + classes.to(dtype) @ self.weight("emb.class")
        return F.silu(self.linear("emb.out", F.silu(e)))

    def block(self, name, e, h, skip=None):
        r = h if skip is None else torch.cat([h, skip], dim=1)
        a = self.conv3(name + ".conv1", F.silu(self.rms(name + ".norm1", r)))
        scale, shift = self.linear(name + ".mod", e).chunk(2, dim=1)
        b = self.rms(name + ".norm2", a) * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        b = self.conv3(name + ".conv2", F.silu(b))
        return b + (r if skip is None else self.conv1(name + ".shortcut", r))

    def forward(self, x, t, s, w, classes, style):
        blocks = self.config["blocks_per_level"]
        e = self.embedding(t, s, w, classes, style, x.dtype)
        skips = []
        h = self.conv3("stem", F.pixel_unshuffle(x, 2))
        for i in (0, 1):
            for j in range(blocks):
                h = self.block(f"down.{i}.{j}", e, h)
                skips.append(h)
            h = self.conv3(f"down.{i}.down", h, stride=2)
        for j in range(blocks):
            h = self.block(f"mid.{j}", e, h)
        for i in (1, 0):
            h = F.interpolate(self.conv1(f"up.{i}.proj", h), scale_factor=2.0, mode="nearest")
            for j in range(blocks):
                h = self.block(f"up.{i}.{j}", e, h, skips.pop())
        h = self.conv3("head.expand", F.silu(self.rms("head.norm", h)))
        h = F.silu(self.conv3("head.full", torch.cat([F.pixel_shuffle(h, 2), x], dim=1)))
        return self.conv3("head.out", h)


def reference_error(network, folder, device, dtype):
    """The largest relative L2 of the recorded evaluations in tests/data/reference/<network>/io.safetensors."""
    tensors, _ = read_safetensors(folder + "/io.safetensors")
    classes = len(network.config["classes"]) + 1
    worst, case = 0.0, 0
    while f"{case}.x" in tensors:
        get = lambda key: tensors.get(f"{case}.{key}", torch.zeros(tensors[f"{case}.t"].shape)).to(device)
        one_hot = F.one_hot(get("class").long(), classes).float()
        with torch.inference_mode():
            y = network(get("x").to(dtype), get("t"), get("s"), get("guidance"), one_hot, get("style"))
        want = get("y")
        worst = max(worst, ((y.float() - want).norm() / want.norm()).item())
        case += 1
    if case == 0:
        raise SystemExit(f"{folder}/io.safetensors has no evaluations")
    return worst
