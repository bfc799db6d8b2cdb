"""A folder of pictures made wintry by InstructPix2Pix, for the translator `command`: nothing is downloaded.

python instruct_pix2pix.py INPUT OUTPUT --weights FOLDER [--device cuda:0] [--seed 0] [--prompt ...]

It runs in an environment of its own with `diffusers`, `transformers` and `torch`. FOLDER is a local copy of the model,
such as timbrooks/instruct-pix2pix. https://huggingface.co/docs/diffusers/api/pipelines/pix2pix has the parameters.
"""

import argparse
from pathlib import Path

import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from PIL import Image

_MULTIPLE = 8  # of both sides, which the model's autoencoder divides by


def main() -> None:
    """Translate every picture of the input folder, each from a noise of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prompt", default="make it a snowy winter day, keep the people as they are")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    half = options.device.startswith("cuda")
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(
        options.weights,
        torch_dtype=torch.float16 if half else torch.float32,
        local_files_only=True,
        safety_checker=None,
        requires_safety_checker=False,
    ).to(options.device)
    for path in sorted(options.input.iterdir()):
        picture = Image.open(path).convert("RGB")
        sides = tuple(max(_MULTIPLE, round(side / _MULTIPLE) * _MULTIPLE) for side in picture.size)
        winter = pipeline(
            options.prompt,
            image=picture.resize(sides),
            num_inference_steps=options.steps,
            image_guidance_scale=1.5,
            guidance_scale=7.0,
            generator=torch.Generator(options.device).manual_seed(options.seed),
        ).images[0]
        winter.resize(picture.size).save(options.output / path.name)


if __name__ == "__main__":
    main()
