"""The identity of pipelines that somebody else loaded: wherever their weights lie, other weights are another model."""

import accelerate
import pytest
import torch
from diffusers.hooks import apply_group_offloading
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from specimens import families

from soart.errors import ModelError
from soart.pipelines.models.adopting import adopt


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
def test_identity_follows_how_strong_loras_are(tmp_path):
    peft = pytest.importorskip("peft")
    pipe = families.sd1(tmp_path)
    seen = [adopt(pipe).identity]
    config = peft.LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    for name in ("first", "second"):
        pipe.unet.add_adapter(config, name)
    for chosen in ({"first": 1.0}, {"first": 0.3}, {"second": 1.0}, {"first": 1.0, "second": 1.0}):
        pipe.set_adapters(list(chosen), list(chosen.values()))
        seen.append(adopt(pipe).identity)
    pipe.unet.disable_lora()
    seen.append(adopt(pipe).identity)
    assert len(set(seen)) == 6
    pipe.unet.enable_lora()
    pipe.set_adapters(["first"], [1.0])
    assert adopt(pipe).identity == seen[1]


def test_identity_follows_all_parts_of_a_weight(tmp_path):
    pipe = families.sd1(tmp_path)
    weight = max(pipe.unet.parameters(), key=torch.numel).detach().reshape(-1)
    seen = [adopt(pipe).identity]
    for quarter in weight.chunk(4):
        quarter += 1
        seen.append(adopt(pipe).identity)
    assert len(set(seen)) == 5


def test_identity_follows_freeu_and_the_scales_of_ip_adapters(tmp_path):
    pipe = families.sd1(tmp_path)
    seen = [adopt(pipe).identity]
    for strength in (0.2, 0.9):
        pipe.enable_freeu(s1=strength, s2=0.2, b1=1.6, b2=1.8)
        seen.append(adopt(pipe).identity)
    pipe.disable_freeu()
    assert adopt(pipe).identity == seen[0]
    attention = next(part for name, part in pipe.unet.named_modules() if name.endswith("attn2"))
    attention.set_processor(IPAdapterAttnProcessor2_0(attention.inner_dim, attention.cross_attention_dim))
    for scale in (1.0, 0.4):
        pipe.set_ip_adapter_scale(scale)
        seen.append(adopt(pipe).identity)
    assert len(set(seen)) == 5


def offloaded(pipeline, how, folder):
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            if how == "memory":
                # As enable_sequential_cpu_offload does.
                accelerate.cpu_offload(part, torch.device("cpu"), offload_buffers=len(part._parameters) > 0)
            elif how == "disk":
                accelerate.disk_offload(part, str(folder / name), torch.device("cpu"))
            elif how == "whole":
                hook = accelerate.hooks.AlignDevicesHook("cpu", offload=True, place_submodules=True)
                accelerate.hooks.add_hook_to_module(part, accelerate.hooks.ModelHook())
                accelerate.hooks.add_hook_to_module(part, hook, append=True)
            elif how == "groups":
                cpu = torch.device("cpu")
                apply_group_offloading(part, cpu, cpu, "leaf_level", offload_to_disk_path=str(folder / name))
            else:
                part.to("meta")
    return pipeline


@pytest.mark.parametrize("how", ["memory", "disk", "whole"])
def test_identity_follows_the_weights_of_offloaded_pipelines(tmp_path, how):
    first, second = (families.sd1(tmp_path) for _ in range(2))
    for name in ("vae", "text_encoder"):
        getattr(second, name).load_state_dict(getattr(first, name).state_dict())
    plain = [adopt(pipe).identity for pipe in (first, second)]
    assert plain[0] != plain[1]
    for number, pipe in enumerate((first, second)):
        offloaded(pipe, how, tmp_path / str(number))
        assert next(pipe.unet.parameters()).device.type == "meta"
    assert [adopt(pipe).identity for pipe in (first, second)] == plain


@pytest.mark.parametrize("how", ["nowhere", "groups"])
def test_weights_without_values_need_a_name(tmp_path, how):
    empty = offloaded(families.sd1(tmp_path), how, tmp_path)
    with pytest.raises(
        ModelError,
        match=r"cannot be identified because the values of text_encoder\.\S+ are not in memory: name them with",
    ):
        adopt(empty)
    assert adopt(empty, identity="mine").identity == "mine"
