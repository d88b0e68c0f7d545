#!/usr/bin/env python3
"""One evaluation of texture_unet by Rivulet and by PyTorch on the same GPU, in turns: eager, and torch.compile with
mode="max-autotune" (which captures CUDA graphs), halves, channels last. The module is checked against recorded outputs in
full floats first, and what each mode makes of the inputs against the module.

  torch_peer.py --rivulet build/release/bin/rivulet --model models/materials-m.safetensors [--json FILE]
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import torch

from texture_unet import TextureUNet, reference_error


def inputs_of(network, batch, size, device, dtype):
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(batch, network.config["in_channels"], size, size, generator=generator)
    classes = torch.zeros(batch, len(network.config["classes"]) + 1)
    classes[:, 0] = 1
    ones = torch.ones(batch)
    style = torch.zeros(batch, network.config["style_dim"])
    x = x.to(device, dtype).to(memory_format=torch.channels_last)
    return [x] + [value.to(device) for value in (ones, 0 * ones, 1.5 * ones, classes, style)]


def milliseconds(evaluate, device):
    """Of one evaluation, the mean of as many as take about a twentieth of a second, by the device's events."""
    if device.type != "cuda":
        start = time.perf_counter()
        evaluate()
        return 1e3 * (time.perf_counter() - start)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    count = 1
    while True:
        torch.cuda.synchronize()
        begin.record()
        for _ in range(count):
            evaluate()
        end.record()
        torch.cuda.synchronize()
        passed = begin.elapsed_time(end)
        if passed > 50 or count >= 4096:
            return passed / count
        count *= 4


def rivulet_evaluation(arguments, size, batch, precision):
    command = [arguments.rivulet, "bench", "model", "--model", arguments.model, "--size", str(size), "--batch",
               str(batch), "--precision", precision, "--repeats", "5", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rivulet", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--reference", default=None, help="folder with io.safetensors; default: the repository's")
    parser.add_argument("--size", default="64,128,256")
    parser.add_argument("--batch", default="1,8,32")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--no-compile", action="store_true", help="eager alone")
    parser.add_argument("--json", default=None)
    arguments = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype, precision = (torch.float16, "fp16") if device.type == "cuda" else (torch.float32, "fp32")
    name = os.path.splitext(os.path.basename(arguments.model))[0]
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    folder = arguments.reference or os.path.join(root, "tests", "data", "reference", name)
    network = TextureUNet(arguments.model).to(device).eval()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    error = reference_error(network, folder, device, torch.float32)
    network = network.to(dtype).to(memory_format=torch.channels_last)
    where = torch.cuda.get_device_name() if device.type == "cuda" else "the processor"
    print(f"{name}, PyTorch {torch.__version__} on {where}, {precision}; "
          f"fp32 differs from the recorded outputs by {error:.1e}")
    if error > 1e-3:
        raise SystemExit("that is another network")

    compiles = not arguments.no_compile and hasattr(torch, "compile")
    modes = ["eager"] + (["compile"] if compiles else [])
    print(f"{'size':>6} {'batch':>6} {'rivulet ms':>12}" +
          "".join(f" {mode + ' ms':>12} {'ratio':>7}" for mode in modes) + f" {'rivulet MiB':>12} {'torch MiB':>10}")
    rows = []
    for size in map(int, arguments.size.split(",")):
        for batch in map(int, arguments.batch.split(",")):
            values = inputs_of(network, batch, size, device, dtype)
            times = {"rivulet": []} | {mode: [] for mode in modes}
            peak = 0
            evaluations = {"eager": network}
            if compiles:  # anew for each shape, so that none is compiled for any shape
                torch._dynamo.reset()
                evaluations["compile"] = torch.compile(network, mode="max-autotune", fullgraph=True, dynamic=False)
            with torch.inference_mode():
                want = network(*values).float()
                for mode, evaluate in evaluations.items():
                    for _ in range(3):
                        have = evaluate(*values).float().clone()
                    if ((have - want).norm() / want.norm()).item() > 1e-2:
                        raise SystemExit(f"{mode} makes something else")
                for _ in range(arguments.turns):
                    ours = rivulet_evaluation(arguments, size, batch, precision)
                    times["rivulet"].append(ours["alone_ms"])  # as PyTorch: with its embedding
                    for mode, evaluate in evaluations.items():
                        if device.type == "cuda":
                            torch.cuda.reset_peak_memory_stats()
                        times[mode].append(milliseconds(lambda: evaluate(*values), device))
                        if device.type == "cuda" and mode == "eager":
                            peak = torch.cuda.max_memory_allocated()
            best = {key: statistics.median(value) for key, value in times.items()}
            memory = ours["arena_bytes"] + ours["weight_bytes"]
            rows.append({"size": size, "batch": batch, "rivulet_bytes": memory, "torch_peak_bytes": peak} | best)
            print(f"{size:>6} {batch:>6} {best['rivulet']:>12.4f}" +
                  "".join(f" {best[mode]:>12.4f} {best['rivulet'] / best[mode]:>7.2f}" for mode in modes) +
                  f" {memory / 2**20:>12.1f} {peak / 2**20:>10.1f}", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"model": name, "device": where, "torch": torch.__version__, "precision": precision,
                       "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
