"""ppsim import, from outside: what it writes is a config that runs. usage: import_test.py PPSIM SOURCE_ROOT"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

PPSIM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(sys.argv[2]).resolve()
CONFIGS = ROOT / "configs"

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 1024, "num_hidden_layers": 16,
         "num_attention_heads": 16, "num_key_value_heads": 4, "intermediate_size": 2816, "vocab_size": 32000,
         "max_position_embeddings": 2048, "torch_dtype": "bfloat16", "tie_word_embeddings": True, "rope_theta": 10000.0}

SCRIPT = """#!/bin/bash
GPUS_PER_NODE=8
NNODES=4
MODEL_ARGS=(
    --num-layers 60 --hidden-size 2048   # a DeepSeek of small width
    --num-attention-heads 16 --seq-length 2048 --vocab-size 32000
    --swiglu --disable-bias-linear --position-embedding-type rope --untie-embeddings-and-output-weights
    --multi-latent-attention --kv-lora-rank 512 --num-experts 16 --moe-router-topk 2 --moe-ffn-hidden-size 512
    --moe-layer-freq "([0]*3+[1]*57)" --moe-token-dispatcher-type alltoall
)
torchrun --nproc_per_node $GPUS_PER_NODE --nnodes=$NNODES pretrain_gpt.py "${MODEL_ARGS[@]}" \\
    --tensor-model-parallel-size 2 --pipeline-model-parallel-size 8 --expert-model-parallel-size 2 --sequence-parallel \\
    --pipeline-model-parallel-layout "E|(t*4|)*12,(t*6|)*2,L" \\
    --micro-batch-size 1 --global-batch-size 32 --bf16 --use-distributed-optimizer --overlap-grad-reduce \\
    --attention-dropout 0 --hidden-dropout 0 --use-flash-attn --data-path "$DATA" --save /checkpoints --lr 3e-4
"""

DEEPSPEED = {"train_batch_size": 64, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 8,
             "bf16": {"enabled": True}, "zero_optimization": {"stage": 1}}


def nccl_output(ranks=8):
    """All-reduces on links of 200 GB/s and 3 us."""
    rows = "".join(f"#  Rank {r:2} Group  0 Pid {r + 7} on node0 device {r} [0x00] NVIDIA H100\n" for r in range(ranks))
    text = "# Collective test starting: all_reduce_perf\n# Using devices\n" + rows
    text += "#  size  count  type  redop  root  time  algbw  busbw #wrong  time  algbw  busbw #wrong\n"
    for power in range(10, 32, 2):
        size = 2 ** power
        time = 2 * (ranks - 1) * (size / ranks / 200e3 + 3)
        text += f"  {size}  {size // 4}  float  sum  -1  {time:.2f}  1.0  1.0  0  {time:.2f}  1.0  1.0  0\n"
    return text


def matrix(gpus=8):
    text = "\t" + "".join(f"GPU{i}\t" for i in range(gpus)) + "NIC0\tCPU Affinity\n"
    for a in range(gpus):
        text += f"GPU{a}\t" + "".join(" X \t" if a == b else "NV18\t" for b in range(gpus)) + "PIX\t0-47\n"
    return text + "NIC0\tPIX\n\nLegend:\n\n  X    = Self\n"


FILES = {"huggingface": json.dumps(LLAMA), "megatron": SCRIPT, "deepspeed": json.dumps(DEEPSPEED),
         "nccl-tests": nccl_output(), "nvidia-smi-topo": matrix()}
OPTIONS = {"nvidia-smi-topo": ["--gpu", "h100"]}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_ppsim(self, *arguments):
        return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, errors="replace", timeout=120,
                              cwd=self.folder, env={**os.environ, "NO_COLOR": "1"})

    def ppsim(self, *arguments, code=0):
        done = self.run_ppsim(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def write(self, name, content):
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return name

    def imported(self, kind, *options, text=None):
        """The section, by -o."""
        self.write("in", FILES[kind] if text is None else text)
        self.ppsim("import", kind, "in", *OPTIONS.get(kind, []), *options, "-o", "out.json")
        return json.loads((self.folder / "out.json").read_text())

    def simulate(self, config, *options):
        self.write("config.json", config)
        return json.loads(self.ppsim("simulate", "config.json", *options, "--json").stdout)


class Runs(Folder):
    def test_a_model_of_hugging_face_runs(self):
        section = self.imported("huggingface", "--sequence-length", "512")
        self.assertEqual(section["transformer"]["sequence_length"], 512)
        config = {"model": "out.json", "cluster": str(CONFIGS / "clusters/h100_1x8.json"),
                  "parallelism": {"pipeline": 4, "micro_batches": 8}, "schedule": {"name": "1f1b"}}
        self.assertGreater(self.simulate(config)["makespan_ns"], 0)

    def simulate_megatron(self, layout):
        config = self.imported("megatron", text=SCRIPT.replace("E|(t*4|)*12,(t*6|)*2,L", layout))
        cluster = CONFIGS / "clusters/h100_4x8.json"
        return config, self.simulate(config, "--set", f"/cluster={cluster}", "--contention", "fair")

    def test_a_megatron_script_runs_on_a_cluster(self):
        config, report = self.simulate_megatron("E|(t*4|)*12,(t*6|)*2,L")
        # 8 ranks of two chunks, embedding and loss alone; 32 GPUs / (2 x 8) replicas, 32 / 2 micro-batches.
        self.assertEqual(config["parallelism"]["layers_per_stage"], [0, *[4] * 12, 6, 6, 0])
        self.assertEqual((config["parallelism"]["data"], config["parallelism"]["micro_batches"]), (2, 16))
        self.assertEqual(report["schedule"], "interleaved")
        self.assertGreater(report["makespan_ns"], 0)

    def test_a_stage_that_only_hands_on_runs(self):
        config, report = self.simulate_megatron("E|(t*4|)*11,(t*8|)*2|L")
        self.assertEqual(config["parallelism"]["layers_per_stage"], [0, *[4] * 11, 8, 8, 0, 0])
        self.assertGreater(report["makespan_ns"], 0)

    def test_batches_of_deepspeed_run_with_a_model_and_a_cluster(self):
        sections = self.imported("deepspeed", "--pipeline", "2")
        self.imported("huggingface")
        config = {"model": "out.json", "cluster": str(CONFIGS / "clusters/h100_1x8.json"), "schedule": {"name": "1f1b"}}
        report = self.simulate({**config, "parallelism": sections["parallelism"], "training": sections["training"]})
        self.assertGreater(report["makespan_ns"], 0)

    def test_a_measured_link_is_a_cluster_s(self):
        section = self.imported("nccl-tests")
        self.assertAlmostEqual(float(section["bandwidth"].split()[0]), 200e9, delta=200e9 * 1e-3)
        self.assertAlmostEqual(float(section["latency"].split()[0]), 3000, delta=10)
        cluster = {"nodes": 1, "gpus_per_node": 4, "nvlink": "out.json"}
        config = {"costs": {"forward": "1 ms", "backward": "2 ms", "transfer": "200 MB"}, "cluster": cluster,
                  "parallelism": {"pipeline": 2, "micro_batches": 1}, "schedule": {"name": "gpipe"}}
        # Two passes of each kind one behind the other, and two transfers of 1 ms.
        self.assertAlmostEqual(self.simulate(config)["makespan_ns"], 8_006_000, delta=3000)

    def test_a_matrix_and_a_gpu_are_a_cluster(self):
        section = self.imported("nvidia-smi-topo", "--nodes", "2", "--nic-bandwidth", "400 Gb/s")
        self.assertEqual((section["nodes"], section["nvlink"]["bandwidth"], section["infiniband"]["nics_per_node"]), (2, "450 GB/s", 1))
        config = {"cluster": "out.json", "model": str(CONFIGS / "models/llama_20l.json"), "schedule": {"name": "1f1b"},
                  "parallelism": {"tensor": 8, "pipeline": 2, "micro_batches": 4}}
        self.assertGreater(self.simulate(config, "--set", f"/cluster/gpu={CONFIGS / 'gpus/h100_sxm.json'}")["makespan_ns"], 0)


class Outputs(Folder):
    def test_the_section_is_stdout_and_assumptions_are_stderr(self):
        for kind, content in FILES.items():
            with self.subTest(kind):
                self.write("in", content)
                done = self.ppsim("import", kind, "in", *OPTIONS.get(kind, []))
                section = json.loads(done.stdout)
                self.assertGreater(done.stderr.count("\n"), 0)
                self.assertEqual([line[:9] for line in done.stderr.splitlines()], ["assumed: "] * done.stderr.count("\n"))
                self.assertEqual(done.stdout, self.ppsim("import", kind, "in", *OPTIONS.get(kind, [])).stdout)
                one = self.ppsim("import", kind, "in", *OPTIONS.get(kind, []), "--json")
                document = json.loads(one.stdout)
                self.assertEqual((document["kind"], document["section"], one.stderr), (kind, section, ""))
                self.assertEqual(["assumed: " + line for line in document["assumptions"]], done.stderr.splitlines())

    def test_the_input_is_not_overwritten(self):
        self.write("in", FILES["huggingface"])
        done = self.ppsim("import", "huggingface", "in", "-o", "in", code=2)
        self.assertEqual(done.stderr, "ppsim: in: is read or written already, expected another file\n")

    def test_an_error_leaves_no_file(self):
        self.write("in", "{}")
        self.ppsim("import", "huggingface", "in", "-o", "out.json", code=2)
        self.assertFalse((self.folder / "out.json").exists())

    def test_options_of_another_kind_or_out_of_range_are_refused(self):
        self.write("in", FILES["huggingface"])
        for arguments in (["huggingface", "in", "--gpus", "8"], ["huggingface", "in", "--sequence-length", "0"], ["megatron", "in", "--gpus", "-8"],
                          ["huggingface", "in", "--sequence-length", "99999999999999999999"], ["teapot", "in"], ["huggingface"], []):
            done = self.ppsim("import", *arguments, code=2)
            self.assertEqual((done.stderr.count("\n"), done.stdout), (1, ""), done.stderr)
        self.write("topo", FILES["nvidia-smi-topo"])
        done = self.ppsim("import", "nvidia-smi-topo", "topo", "--gpu", "h100", "--nic-bandwidth", "fast", code=2)
        self.assertTrue(done.stderr.startswith("ppsim: --nic-bandwidth: "), done.stderr)


class Faults(Folder):
    def assert_one_line(self, kind, content):
        self.write("in", content)
        done = self.run_ppsim("import", kind, "in", *OPTIONS.get(kind, []))
        self.assertIn(done.returncode, (0, 2), done.stderr)
        if done.returncode == 2:
            self.assertEqual((done.stderr.count("\n"), done.stdout), (1, ""), done.stderr)
            self.assertTrue(done.stderr.startswith("ppsim: "), done.stderr)
        return done

    def test_what_is_no_such_file_is_one_line_that_names_it(self):
        for kind in FILES:
            for content in ("", "\n", "[]", "{}", "nul", b"\x00\xff\xfe\x1b[4m\x80", b"\x7fELF" + bytes(100), "9" * 400, '{"a":' * 200):
                with self.subTest((kind, content)):
                    done = self.assert_one_line(kind, content)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stderr, r"^ppsim: in\b")
            self.assertEqual(self.ppsim("import", kind, "absent", code=2).stderr, "ppsim: absent: there is no such file\n")

    def test_files_that_were_cut_off(self):
        for kind, content in FILES.items():
            for end in range(0, len(content), max(1, len(content) // 25)):
                with self.subTest((kind, end)):
                    self.assert_one_line(kind, content[:end])

    def test_any_bytes_end_in_one_line(self):
        draw = random.Random(11)
        for kind, content in FILES.items():
            for _ in range(25):
                data = bytearray(content.encode())
                for _ in range(draw.randrange(1, 5)):
                    at = draw.randrange(len(data))
                    data[at:at + draw.randrange(4)] = bytes(draw.choices(b'{}[]",:0129.eE-$()|*#\\\n\xff\x00', k=draw.randrange(4)))
                with self.subTest((kind, bytes(data))):
                    self.assert_one_line(kind, bytes(data))

    def test_huge_and_negative_numbers(self):
        for value in (-1, 0, 1e308, 10**30, "4096", None, [1], {"a": 1}, True):
            for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"):
                with self.subTest((key, value)):
                    self.assertEqual(self.assert_one_line("huggingface", json.dumps({**LLAMA, key: value})).returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
