"""The cases of golden_test.py: of each its name and its commands, which run one behind the other in one folder.

The folder holds links to configs/, traces/ and tests/golden/data/. The files that the commands write belong to the case, and
so does the output of every command.
"""

import pathlib
import shlex

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

THREADS = (["--threads", "1"], ["--threads", "2"])

# Of cases that are many of a kind: so begin their names, and their golden files keep less of a long text.
MANY_OF_A_KIND = ("order_", "variant_", "cluster_", "drawing_", "noise_", "tables_")

CONFIGS = ("seed_4x8", "interleaved_4gpu", "reference_8x64", "inference_2gpu")
FORMATS = ("csv", "csv-comms", "json", "goal")
SCHEDULES = ("naive gpipe 1f1b eager-1f1b bpipe pipedream-2bw interleaved looped-bfs combined-1f1b hanayo zb-h1 zb-h2 "
             "interleaved-zb zbv zb-1p zb-2p zb-auto zbv-auto v-half v-min chimera dualpipe dualpipev seq1f1b terapipe").split()
MODELS = {
    "data_parallel": "/cluster/nodes=8 /parallelism/data=2",
    "zero_3": "/cluster/nodes=8 /parallelism/data=2 /parallelism/zero_stage=3",
    "context": "/cluster/nodes=8 /parallelism/context=2 /parallelism/context_exchange=all_to_all",
    "selective": "/parallelism/recompute=selective /parallelism/sequence_parallel=true",
    "full": "/parallelism/recompute=full /parallelism/scatter_gather=true",
    "experts": "/model=models/qwen3_30b_a3b.json /parallelism/tensor=4 /cluster/nodes=8 /parallelism/data=4 "
               "/parallelism/expert=4 /parallelism/expert_tensor=1 /parallelism/sequence_parallel=true",
    "latent": "/model=models/deepseek_v3.json /parallelism/tensor=4 /cluster/nodes=16 /parallelism/data=8 /parallelism/expert=8 "
              "/parallelism/expert_tensor=1 /parallelism/sequence_parallel=true /schedule/name=dualpipe /simulation/overlapped_pair=max",
    "replicas": "/cluster/nodes=16 /parallelism/data=4 /training/overlap_gradients=true /training/gradient_bucket=\"40 MB\" "
                "/simulation/detail=full /simulation/contention=fair",
    "spanning": "/parallelism/tensor=16 /parallelism/pipeline=2 /parallelism/collectives=tree",
    "h100_24k": "/cluster=clusters/h100_24k.json /parallelism/data=4 /simulation/contention=fair",
    "l40s": "/cluster=clusters/l40s_1x8.json /parallelism/tensor=2 /model=models/llama3_8b.json /parallelism/micro_batch_size=1",
    "stragglers": "/simulation/noise/gpu_speed/rank\\ 3=0.9",
}
# The keys that MODELS leaves out, of every section: a config, and what is changed in the config.
VARIANTS = {
    "training": ("seed_4x8", "/cluster/nodes=8 /parallelism/data=2 /training/gradient_dtype=bf16 /training/moment_dtype=fp16 "
                 "/training/fused_loss=true /training/working_memory=true /training/gradient_placeholders=true "
                 "/training/captured_launches=0.5 /training/overlap_tensor=0.5 /parallelism/zero_stage=1"),
    "kernels": ("seed_4x8", "/training/kernels/norm/bytes=2 /training/kernels/softmax/kernels=3 "
                "/training/kernels/attention_work=1.5 /training/gathered_logits=true '/cluster/software/launch_overhead=4 us'"),
    "sharding": ("seed_4x8", "/cluster/nodes=8 /parallelism/data=2 /parallelism/zero_stage=2 /training/overlap_sharding=true"),
    "context_ring": ("seed_4x8", "/cluster/nodes=8 /parallelism/context=2 /parallelism/recompute=none"),
    "fp8": ("seed_4x8", "/model/transformer/compute_dtype=fp8 /model/transformer/flash_attention=true"),
    "uneven": ("seed_4x8", "/parallelism/layers_per_stage=[17,21,21,21]"),
    "ends_as_layers": ("seed_4x8", "/parallelism/layers_per_stage=ends_as_layers"),
    "hierarchical": ("seed_4x8", "/parallelism/tensor=16 /parallelism/pipeline=2 /parallelism/collectives=hierarchical"),
    "auto_collectives": ("seed_4x8", "/parallelism/tensor=16 /parallelism/pipeline=2 /parallelism/collectives=auto"),
    "full_detail": ("seed_4x8", "/cluster/nodes=16 /parallelism/data=4 /simulation/detail=full "
                    "'/simulation/noise/gpu_speed/node 3 GPU 1=0.8'"),
    "full_detail_fifo": ("seed_4x8", "/cluster/nodes=8 /parallelism/data=2 /parallelism/zero_stage=3 /simulation/detail=full"),
    "slow_nic": ("seed_4x8", "'/simulation/noise/link_degradation/node 1 NIC 0=0.25'"),
    "pair_streams": ("reference_8x64", "/simulation/communication=program /simulation/streams=pair"),
    "ungrouped": ("reference_8x64", "/simulation/communication=program /simulation/grouped=false"),
    "slow_link": ("reference_8x64", "'/simulation/noise/link_degradation/rank 0 -> rank 1=0.1'"),
    "costs_by_stage": ("reference_8x64", "/parallelism/pipeline=4 '/costs/forward=[\"1ms\",\"1.1ms\",\"900us\",\"1.3ms\"]' "
                       "'/costs/activation=[\"4MB\",\"3MB\",\"2MB\",\"1MB\"]' /costs/overhead=20us"),
    "costs_split": ("reference_8x64", "/schedule/name=zbv /costs/weight_grad=800us /costs/overlapped_pair=max "
                    "/costs/activation_freed_at_input_grad=400kB"),
    "costs_step_end": ("reference_8x64", "/costs/gradient_reduction=5ms /costs/optimizer_step=2ms /costs/parameter_gather=3ms"),
    "costs_pair": ("reference_8x64", "/schedule/name=dualpipe /costs/overlapped_pair=2.5ms"),
    "decode": ("reference_8x64", "/schedule/name=inference /schedule/decode_steps=5 "
               "/costs/decode_forward=100us /costs/decode_transfer=10kB"),
    "steps": ("reference_8x64", "/schedule/name=pipedream-2bw /schedule/steps=3"),
    "waves": ("reference_8x64", "/schedule/name=hanayo /schedule/waves=2"),
    "backward_order": ("reference_8x64", "/schedule/name=gpipe /schedule/backward_order=descending"),
    "warmup": ("reference_8x64", "/schedule/warmup_per_hop=2 /schedule/slack=1"),
    "limit": ("reference_8x64", "/schedule/name=zb-auto /schedule/limit=1.5p"),
    "slices": ("seed_4x8", "/schedule/name=seq1f1b /schedule/slices=4 /parallelism/recompute=none"),
}
# Each preset file has a case, and a new preset file asks for one.
CLUSTERS = sorted(path.stem for path in (ROOT / "configs" / "clusters").glob("*.json"))
MODEL_FILES = sorted(path.stem for path in (ROOT / "configs" / "models").glob("*.json"))


def with_sets(sets):
    return [option for one in shlex.split(sets) for option in ("--set", one)]


def simulations():
    cases = {}
    for config in CONFIGS:
        command = ["simulate", f"configs/{config}.json"]
        cases[f"simulate_{config}"] = [command]
        cases[f"simulate_{config}_json"] = [command + ["--json"]]
        for contention in ("none", "fifo", "fair"):
            cases[f"simulate_{config}_{contention}"] = [command + ["--contention", contention, "--json"]]
        for communication in ("blocking", "program"):
            cases[f"simulate_{config}_{communication}"] = [command + ["--communication", communication, "--json"]]
        cases[f"simulate_{config}_files"] = [
            command + ["--micro-batches", "8", "--trace", "out.json", "--svg", "out.svg", "--timeline", "out.csv"]]
        cases[f"simulate_{config}_runs"] = [
            command + ["--runs", "40", "--set", "/simulation/noise/jitter/compute/sigma=0.05"]]
    for schedule in SCHEDULES:
        command = ["simulate", "configs/seed_4x8.json", "--schedule", schedule, "--micro-batches", "16"]
        cases[f"schedule_{schedule}"] = [command + ["--contention", "fair", "--json"]]
        cases[f"schedule_{schedule}_recompute"] = [command + with_sets("/parallelism/recompute=full")]
    for name, sets in MODELS.items():
        command = ["simulate", "configs/seed_4x8.json", *with_sets(sets)]
        cases[f"model_{name}"] = [command]
        cases[f"model_{name}_json"] = [command + ["--json"]]
    for name, (config, sets) in VARIANTS.items():
        command = ["simulate", f"configs/{config}.json", *with_sets(sets)]
        cases[f"variant_{name}"] = [command]
        cases[f"variant_{name}_json"] = [command + ["--json"]]
    for config, micro_batches in (("reference_32x512", 64), ("reference_64x4096", 128)):
        command = ["simulate", f"configs/{config}.json", "--micro-batches", str(micro_batches)]
        cases[f"simulate_{config}"] = [command]
        cases[f"simulate_{config}_json"] = [command + ["--json"]]
    cases["simulate_layer_costs"] = [["simulate", "data/layer_costs.json"]]
    return cases


def noises():
    """Steps with jitter, many runs, and the same of them on one thread and on two."""
    reference = ["simulate", "configs/reference_8x64.json"]
    jitter = with_sets("/simulation/noise/jitter/compute/sigma=0.05 /simulation/noise/jitter/transfers/sigma=0.2 "
                       "/simulation/noise/jitter/backward/samples=[0.9,1,1.2]")
    runs = [*jitter, "--runs", "50"]
    return {
        "noise": [reference + jitter],
        "noise_timeline": [reference + jitter + [
            "--runs", "1", "--micro-batches", "8", "--timeline", "out.csv", "--svg", "out.svg"]],
        "noise_seed": [reference + runs + with_sets("/simulation/seed=7")],
        "noise_runs": [reference + runs + threads for threads in THREADS],
        "noise_runs_json": [reference + runs + threads + ["--json"] for threads in THREADS],
        "noise_full_detail": [["simulate", "configs/seed_4x8.json", "--runs", "10", "--json", *threads,
                               *with_sets("/cluster/nodes=8 /parallelism/data=2 /simulation/detail=full "
                                          "/simulation/noise/jitter/compute/sigma=0.1")] for threads in THREADS],
    }


def drawings():
    """Files of `simulate`: pictures and traces of each style, packed and plain."""
    cases = {}
    for config in ("seed_4x8", "inference_2gpu"):
        command = ["simulate", f"configs/{config}.json", "--micro-batches", "4"]
        cases[f"drawing_{config}_kineto"] = [command + ["--trace", "out.json", "--trace-style", "kineto"]]
        cases[f"drawing_{config}_packed"] = [command + ["--trace", "out.json.gz", "--timeline", "out.csv.gz"]]
    for schedule in ("zbv", "dualpipe", "hanayo", "terapipe", "bpipe"):
        command = ["simulate", "configs/reference_8x64.json", "--schedule", schedule, "--micro-batches", "16"]
        cases[f"drawing_{schedule}"] = [command + ["--trace", "out.json", "--svg", "out.svg", "--timeline", "out.csv"]]
    cases["drawing_full_detail"] = [[
        "simulate", "configs/seed_4x8.json", "--micro-batches", "4", "--trace", "out.json", "--svg", "out.svg", "--timeline", "out.csv",
        *with_sets("/cluster/nodes=8 /parallelism/data=2 /simulation/detail=full")]]
    return cases


def orders():
    """Orders of every schedule, as they are drawn, checked, written and read again."""
    small = ["configs/reference_8x64.json", "--set", "/parallelism/pipeline=4", "--micro-batches", "8"]
    cases = {}
    for schedule in SCHEDULES + ["inference"]:
        which = [*small, "--schedule", schedule]
        cases[f"order_{schedule}"] = [["schedule", "show", *which, "--width", "120"], ["schedule", "check", *which]]
        cases[f"order_{schedule}_files"] = [["schedule", "export", *which, "--format", form, "-o", f"out.{form}"] for form in FORMATS]
    passes = ["schedule", "export", *small, "--schedule", "interleaved-zb", "--format", "csv-comms", "--passes"]
    cases["export_passes"] = [passes + [names] for names in ("merge_bw", "unshard,reduce_grad", "merge_bw,unshard,reduce_grad")]
    cases["read_again"] = [["schedule", "export", *small, "--schedule", "zb-h1", "-o", "out.csv"],
                           ["schedule", "check", "out.csv"], ["simulate", *small, "--schedule", "out.csv"]]
    cases["show_svg"] = [["schedule", "show", *small, "--svg", "out.svg", "--width", "80"]]
    cases["check_json"] = [["schedule", "check", *small, "--json"]]
    for name in ("order", "faulty"):
        cases[f"check_{name}_json"] = [["schedule", "check", f"data/{name}.csv", "--json"]]
    for name in ("many_faults", "deadlock"):
        cases[f"check_{name}"] = [["schedule", "check", f"data/{name}.csv", *form] for form in ([], ["--json"])]
    cases["check_no_order"] = [["schedule", "check", "data/no_order.csv"]]
    cases["simulate_faulty"] = [["simulate", "data/two_ranks.json", "--schedule", "data/faulty.csv"]]
    optimize = ["schedule", "optimize", *small[:-1], "6", "--nodes", "500"]
    cases["optimize_span"] = [optimize + ["--objective", "span", "-o", "out.csv"], ["schedule", "check", "out.csv"]]
    cases["optimize_whole"] = [optimize + ["--backward", "whole", "--memory-limit", "1p", "--seed", "3"]]
    return cases


def comparisons():
    small = ["compare", "configs/reference_8x64.json", "--micro-batches", "16"]
    vary = [*small[:2], "--vary", "/parallelism/pipeline=2,3,4", "--vary", "/parallelism/micro_batches=6,12"]
    named = ["--schedules", "1f1b:slack=1,interleaved:virtual_stages=2,zb-auto:limit=1.5p,gpipe:micro_batches=8"]
    misfit = ["compare", "configs/seed_4x8.json", "--vary", "/parallelism/tensor=8,3,16,0"]
    return {
        "compare_named": [small + named],
        "compare_named_json": [small + named + ["--json"]],
        "compare_threads": [vary + threads for threads in THREADS],
        "compare_threads_json": [vary + threads + ["--json"] for threads in THREADS],
        "compare_vary_schedules": [small[:2] + ["--schedules", "gpipe,1f1b", "--vary", "/parallelism/micro_batches=8,16"]],
        "compare_misfit": [misfit, misfit + ["--json"]],
        "compare_contention": [["compare", "configs/seed_4x8.json", "--contention", "fair", "--communication", "program"]],
        "compare_experts": [["compare", "configs/seed_4x8.json", *with_sets(MODELS["experts"])]],
        "compare_reference_32x512": [
            ["compare", "configs/reference_32x512.json", "--micro-batches", "64", "--schedules", "gpipe,1f1b,zb-h1"]],
    }


def presets():
    """Each file of configs/clusters and configs/models, by a report that reads all of it."""
    write = ["-o", "out.json"]
    cases = {"init_list": [["init", "--list"]],
             "init_file": [["init", "reference_8x64", *write], ["simulate", "out.json"], ["init", *write], ["init", *write, "--force"]]}
    for preset in ("inference_2gpu", "interleaved_4gpu", "reference_32x512", "reference_512x8192", "reference_64x4096"):
        cases[f"init_{preset}"] = [["init", preset]]
    for cluster in CLUSTERS:
        sets = with_sets(f"/cluster=clusters/{cluster}.json /parallelism/pipeline=2 /parallelism/tensor=4 "
                         "/model=models/llama3_8b.json /model/transformer/dtype=fp16")
        which = ["configs/seed_4x8.json", *sets, "--json"]
        cases[f"cluster_{cluster}"] = [["network", *which], ["simulate", *which]]
    for model in MODEL_FILES:
        which = ["configs/seed_4x8.json", *with_sets(f"/model=models/{model}.json /parallelism/tensor=1")]
        cases[f"model_file_{model}"] = [["model", *which, "--json"]]
    for name in ("experts", "latent", "replicas", "l40s", "spanning"):
        which = ["configs/seed_4x8.json", *with_sets(MODELS[name])]
        cases[f"tables_{name}"] = [[command, *which] for command in ("model", "network")]
    return cases


def descriptions():
    cases = {}
    for config in CONFIGS:
        path = f"configs/{config}.json"
        for name in ("model", "network"):
            cases[f"{name}_{config}"] = [[name, path]]
            cases[f"{name}_{config}_json"] = [[name, path, "--json"]]
        cases[f"config_{config}"] = [["config", path]]
        cases[f"config_{config}_json"] = [["config", path, "--json"]]
        cases[f"show_{config}"] = [["schedule", "show", path, "--micro-batches", "8"]]
        cases[f"show_{config}_rank"] = [["schedule", "show", path, "--micro-batches", "8", "--rank", "1"]]
        for form in FORMATS:
            cases[f"export_{config}_{form}"] = [["schedule", "export", path, "--micro-batches", "8", "--format", form]]
        cases[f"check_{config}"] = [["schedule", "check", path]]
        cases[f"compare_{config}"] = [["compare", path]]
        cases[f"compare_{config}_json"] = [["compare", path, "--json"]]
    cases["compare_vary"] = [["compare", "configs/seed_4x8.json", "--vary", "/parallelism/tensor=1,2,4,8",
                              "--vary", "/parallelism/micro_batch_size=1,16"]]
    cases["list"] = [["schedule", "list"]]
    cases["list_verbose"] = [["schedule", "list", "--verbose"]]
    cases["list_json"] = [["schedule", "list", "--json"]]
    cases["init"] = [["init"]]
    cases["check_order"] = [["schedule", "check", "data/order.csv"]]
    cases["check_faulty"] = [["schedule", "check", "data/faulty.csv"]]
    cases["optimize"] = [["schedule", "optimize", "configs/reference_8x64.json", "--micro-batches", "8", "--nodes", "2000"]]
    cases["optimize_exact"] = [["schedule", "optimize", "data/two_ranks.json", "--micro-batches", "3", "--json"]]
    return cases


def imports():
    inputs = {"megatron": ["data/megatron.sh"], "huggingface": ["data/huggingface.json"], "deepspeed": ["data/deepspeed.json"],
              "nccl-tests": ["data/nccl.txt"], "nvidia-smi-topo": ["data/topology.txt", "--gpu", "h100"]}
    return {
        "import_huggingface": [["import", "huggingface", "data/huggingface.json"]],
        "import_megatron": [["import", "megatron", "data/megatron.sh"]],
        "import_deepspeed": [["import", "deepspeed", "data/deepspeed.json"]],
        "import_nccl": [["import", "nccl-tests", "data/nccl.txt"]],
        "import_topology": [["import", "nvidia-smi-topo", "data/topology.txt", "--gpu", "h100"]],
        **{f"import_{kind.replace('-', '_')}_json": [["import", kind, *rest, *form] for form in (["--json"], ["-o", "out.json"])]
           for kind, rest in inputs.items()},
        "import_topology_nodes": [["import", "nvidia-smi-topo", *inputs["nvidia-smi-topo"], "--nodes", "4", "--nic-bandwidth", "200 Gb/s"]],
        "import_nccl_collective": [["import", "nccl-tests", "data/nccl.txt", "--collective", "all_gather"]],
        "import_megatron_gpus": [["import", "megatron", "data/megatron.sh", "--gpus", "64"]],
    }


def traces_of_runs():
    """Traces of PyTorch's profiler, and what becomes of the timelines that they hold."""
    traced = ["--config", "configs/reference_8x64.json", "--set", "/parallelism/pipeline=4", "--micro-batches", "8"]
    traces = [f"traces/kineto_1f1b/step.rank{rank}.json.gz" for rank in range(4)]
    drawn = ["--trace", "out.json", "--svg", "out.svg"]
    of_four = ["--config", "data/four_ranks.json"]
    measured = ["import-trace", *traces, *of_four, "-o", "measured.csv"]
    return {
        "import_trace_files": [["import-trace", *traces, *traced, "-o", "out.csv", *drawn, "--json"],
                               ["report", "out.csv", *traced]],
        "import_trace_kineto": [["import-trace", *traces, *traced, "--trace", "out.json.gz", "--trace-style", "kineto"]],
        "kineto_again": [["simulate", "data/two_ranks.json", "--trace", "out.json", "--trace-style", "kineto"],
                         ["import-trace", "out.rank0.json", "out.rank1.json", "--config", "data/two_ranks.json", "--json"]],
        "calibrate_measured": [measured, ["calibrate", "measured.csv", *of_four, "-o", "fitted.json"],
                               ["simulate", "fitted.json", "--runs", "5", "--json"]],
        "compare_runs_measured": [measured, ["compare-runs", "measured.csv", *of_four],
                                  ["report", "measured.csv", *of_four, "--json"]],
        "import_trace": [["import-trace", *traces, *traced, "-o", "out.csv"]],
        "import_trace_activity": [["import-trace", *traces]],
        "import_trace_activity_json": [["import-trace", *traces, "--json"]],
    }


def timelines():
    config = ["--config", "data/eight_ranks.json"]
    step = ["simulate", "data/eight_ranks.json", "--timeline", "step.csv"]
    runs = step[:-1] + ["run.csv", "--set", "/costs/forward=1.1 ms"]
    drawn = ["--trace", "out.json", "--svg", "out.svg"]
    # Steps that differ, so that calibrate finds jitter: a measured spread of which each figure is known.
    two_steps = [step[:-1] + [f"{forward}.csv", *with_sets(f"/costs/forward={forward}us /costs/link/bandwidth={rate}GB/s")]
                 for forward, rate in ((1000, 50), (1130, 40))]
    calibrate = ["calibrate", "1000.csv", "1130.csv", *config, "-o", "fitted.json"]
    return {
        "report_json": [step, ["report", "step.csv", *config, "--json"]],
        "report_files": [step, ["report", "step.csv", *config, *drawn]],
        "report_other_config": [step, ["report", "step.csv", *config, "--micro-batches", "4"]],
        "compare_runs_files": [step, runs, ["compare-runs", "run.csv", "step.csv", *config, *drawn]],
        "compare_runs_too_far": [runs, ["compare-runs", "run.csv", *config, "--max-error", "1"]],
        "calibrate_steps": [*two_steps, calibrate, ["simulate", "fitted.json"]],
        "calibrate_steps_json": [*two_steps, calibrate + ["--json"]],
        "report": [step, ["report", "step.csv", *config]],
        "compare_runs": [runs, ["compare-runs", "run.csv", *config]],
        "compare_runs_json": [runs, ["compare-runs", "run.csv", *config, "--json"]],
        "calibrate": [step, ["calibrate", "step.csv", "--config", "data/eight_ranks.json", "-o", "out.json"]],
        "calibrate_json": [step, ["calibrate", "step.csv", "--config", "data/eight_ranks.json", "-o", "out.json", "--json"]],
    }


def tables_of_runs():
    validate = ["validate", "data/spec.json", "--table", "data/table.csv"]
    fit = ["fit", "data/fit/spec.json", "--table", "data/fit/table.csv", "--max-predictions", "200"]
    return {
        "validate_threads": [validate + threads for threads in THREADS],
        "validate_set": [validate + ["--set", "/costs/forward=110us", "--max-mape", "1"]],
        "fit_threads": [fit + ["--folds", "2", "--seed", "3", *threads, "--json"] for threads in THREADS],
        "validate": [["validate", "data/spec.json", "--table", "data/table.csv", "--rows", "--plot", "out.svg"]],
        "validate_json": [["validate", "data/spec.json", "--table", "data/table.csv", "--group-by", "P", "--json"]],
        "fit": [["fit", "data/fit/spec.json", "--table", "data/fit/table.csv", "--folds", "3", "-o", "out.json"]],
        "fit_json": [["fit", "data/fit/spec.json", "--table", "data/fit/table.csv", "--folds", "1", "--json"]],
    }


def errors_of_configs():
    seed = "configs/seed_4x8.json"
    cases = {
        "error_unknown_key": ["simulate", "data/unknown_key.json"],
        "error_no_json": ["simulate", "data/no_json.json"],
        "error_no_file": ["simulate", "data/missing.json"],
        "error_unit": ["simulate", seed, *with_sets("/cluster/nvlink/bandwidth=450")],
        "error_range": ["simulate", seed, *with_sets("/parallelism/micro_batches=0")],
        "error_gpus": ["simulate", seed, *with_sets("/parallelism/data=2")],
        "error_choice": ["simulate", seed, *with_sets("/simulation/contention=fare")],
        "error_schedule": ["simulate", seed, "--schedule", "1f2b"],
        "error_many_units": ["simulate", seed, *with_sets("/cluster/gpu/memory=80 /cluster/nvlink/latency=2")],
        "error_type": ["simulate", seed, *with_sets("/parallelism/recompute=true")],
        "error_nested": ["simulate", seed, *with_sets("/cluster/gpu/peek=1")],
        "error_pointer": ["simulate", seed, "--set", "parallelism/tensor=1"],
        "error_divisor": ["simulate", seed, *with_sets("/parallelism/tensor=3")],
        "error_layers": ["simulate", seed, *with_sets("/parallelism/layers_per_stage=[20,20,20]")],
        "error_constraint": ["simulate", seed, "--schedule", "chimera", "--micro-batches", "3"],
        "error_option_of_schedule": ["simulate", seed, *with_sets("/schedule/waves=2")],
        "error_cost_list": ["simulate", "configs/reference_8x64.json", *with_sets("'/costs/forward=[\"1ms\",\"2ms\"]'")],
        "error_noise": ["simulate", seed, *with_sets("/simulation/noise/gpu_speed/rank\\ 99=0.5")],
    }
    return {name: [command] for name, command in cases.items()}


def errors_of_commands():
    seed = "configs/seed_4x8.json"
    cases = {
        "error_option": ["simulate", seed, "--fit"],
        "error_memory": ["simulate", seed, "--schedule", "gpipe", "--check-memory"],
        "error_runs": ["simulate", seed, "--runs", "0"],
        "error_threads": ["simulate", seed, "--threads", "2"],
        "error_no_command": [],
        "error_command": ["simulat", seed],
        "error_preset": ["init", "seed"],
        "error_format": ["schedule", "export", seed, "--format", "yaml"],
        "error_rank": ["schedule", "show", seed, "--rank", "4"],
        "error_output": ["simulate", seed, "--svg", "missing/out.svg"],
        "error_vary": ["compare", seed, "--vary", "/parallelism/tensr=1,2"],
        "error_compare": ["compare", seed, "--schedules", "gpipe,1f2b"],
        "error_timeline": ["report", "data/bad_timeline.csv", "--config", "data/two_ranks.json"],
        "error_timeline_header": ["report", "data/table.csv", "--config", "data/two_ranks.json"],
        "error_huggingface": ["import", "huggingface", "data/deepspeed.json"],
        "error_megatron": ["import", "megatron", "data/nccl.txt"],
        "error_topology": ["import", "nvidia-smi-topo", "data/nccl.txt"],
        "error_nccl": ["import", "nccl-tests", "data/topology.txt"],
        "error_trace": ["import-trace", "data/no_json.json"],
        "error_spec": ["validate", "data/two_ranks.json", "--table", "data/table.csv"],
        "error_table": ["validate", "data/spec.json", "--table", "data/order.csv"],
        "error_fit": ["fit", "data/spec.json", "--table", "data/table.csv"],
    }
    return {name: [command] for name, command in cases.items()}


def helps():
    commands = ["", "simulate", "compare", "model", "network", "config", "init", "schedule", "schedule list", "schedule show",
                "schedule check", "schedule export", "schedule optimize", "replay", "report", "compare-runs", "calibrate",
                "bench-cluster", "import", "import huggingface", "import megatron", "import deepspeed", "import nccl-tests",
                "import nvidia-smi-topo", "import-trace", "validate", "fit"]
    cases = {"_".join(["help", *command.split()]).replace("-", "_"): [[*command.split(), "--help"]] for command in commands}
    return {**cases, "version": [["--version"]]}


def all_cases():
    """{name: [command]}; two cases of one name are a mistake."""
    builders = (simulations, noises, drawings, orders, comparisons, presets, descriptions, imports, traces_of_runs, timelines,
                tables_of_runs, errors_of_configs, errors_of_commands, helps)
    tables = [build() for build in builders]
    cases = {name: commands for table in tables for name, commands in table.items()}
    assert len(cases) == sum(map(len, tables)), "two cases have one name"
    return cases
