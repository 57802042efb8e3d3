"""Pixels that have been a PNG file are the same: a model that encodes and decodes them."""

import sys

import numpy as np
from onnx import helper

from cases import Cases

cases = Cases(sys.argv[1])
domain = "com.microsoft.extensions"
ramp = (np.add.outer(np.arange(70) * 9, np.arange(301) * 5)[..., None] + np.array([0, 40, 90])).astype(np.uint8)
noise = cases.random.integers(0, 256, (33, 20, 3)).astype(np.uint8)
flat = np.full((300, 200, 3), [200, 10, 60], np.uint8)
for number, image in enumerate((ramp, noise, flat, ramp[:1, :1].copy(), np.tile(noise, (2, 9, 1)))):
    nodes = [
        helper.make_node("EncodeImage", ["x"], ["file"], domain=domain, format="png", color_space="rgb"),
        helper.make_node("DecodeImage", ["file"], ["same"], domain=domain, color_space="rgb"),
        helper.make_node("DecodeImage", ["file"], ["turned"], domain=domain),
        helper.make_node("ImageDecoder", ["file"], ["standard"], pixel_format="RGB"),
    ]
    outputs = {"same": image, "turned": image[..., ::-1].copy(), "standard": image}
    cases.add(f"{number}", nodes, {"x": image}, outputs, {"": 20, domain: 1}, symbolic=True)
