#include "ppsim/input/import/import.hpp"

#include "cli/command.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"
#include "text/quantity.hpp"

namespace ppsim::cli {
namespace {

struct ImportArguments {
  std::string path;
  std::string output;
  bool json = false;
  HuggingfaceOptions huggingface;
  MegatronOptions megatron;
  DeepspeedOptions deepspeed;
  NcclTestsOptions nccl_tests;
  TopologyOptions topology;
  std::string nic_bandwidth;
};

// The section to stdout or the file; what was assumed to stderr, or with the section into the document.
int show_section(const ImportArguments& arguments, std::string_view kind, const ImportedSection& imported) {
  if (!arguments.output.empty()) write_file(arguments.output, imported.text);
  if (arguments.json) {
    print(imported_json(imported, kind));
    return 0;
  }
  if (arguments.output.empty()) print(imported.text);
  for (const std::string& line : imported.assumptions) note("assumed: " + line);
  return 0;
}

struct Kind {
  CLI::App* app;
  std::shared_ptr<ImportArguments> arguments;
};

Kind add_kind(CLI::App& parent, const std::string& name, const std::string& file, const std::string& help) {
  CLI::App* app = parent.add_subcommand(name, help);
  const auto arguments = std::make_shared<ImportArguments>();
  app->add_option("FILE", arguments->path, file)->required()->check(not_empty());
  add_output(*app, "-o,--output", arguments->output, "Write the section to a file instead of stdout");
  add_switch(*app, "--json", arguments->json, "Print the section and what was assumed as one JSON object");
  return {app, arguments};
}

void add_count(const Kind& kind, const std::string& option, std::optional<std::uint64_t>& count,
               const std::string& help) {
  kind.app->add_option(option, count, help)
      ->check(whole_number() & CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}))
      ->type_name("N");
}

template <class Import>
Command command_of(const Kind& kind, Import import) {
  return {kind.app, [arguments = kind.arguments, name = kind.app->get_name(), import] {
            check_outputs({arguments->output}, {arguments->path});
            return show_section(*arguments, name, import(*arguments));
          }};
}

Command add_huggingface(CLI::App& parent) {
  const Kind kind = add_kind(parent, "huggingface", "config.json of a model",
                             "A model of Hugging Face transformers, as a model");
  add_count(kind, "--sequence-length", kind.arguments->huggingface.sequence_length,
            "Tokens of a sample; default: the longest that the model takes");
  return command_of(kind, [](const ImportArguments& arguments) {
    return import_huggingface(arguments.path, arguments.huggingface);
  });
}

Command add_megatron(CLI::App& parent) {
  const Kind kind = add_kind(parent, "megatron", "Arguments, or a script that calls pretrain_gpt.py",
                             "Arguments of Megatron-LM, as a config without its cluster");
  add_count(kind, "--gpus", kind.arguments->megatron.gpus,
            "GPUs of the whole job; default: as the file says");
  return command_of(kind, [](const ImportArguments& arguments) {
    return import_megatron(arguments.path, arguments.megatron);
  });
}

Command add_deepspeed(CLI::App& parent) {
  const Kind kind = add_kind(parent, "deepspeed", "ds_config.json",
                             "A configuration of DeepSpeed, as parallelism and training");
  add_count(kind, "--pipeline", kind.arguments->deepspeed.pipeline,
            "Pipeline ranks, which the file does not say; default: 1");
  add_count(kind, "--data", kind.arguments->deepspeed.data, "Replicas; default: as the batch sizes say");
  return command_of(kind, [](const ImportArguments& arguments) {
    return import_deepspeed(arguments.path, arguments.deepspeed);
  });
}

Command add_nccl_tests(CLI::App& parent) {
  const Kind kind = add_kind(parent, "nccl-tests", "What all_reduce_perf or the like printed, text or JSON",
                             "Times of nccl-tests, as a link");
  kind.app
      ->add_option("--collective", kind.arguments->nccl_tests.collective,
                   "What was measured, such as all_reduce, where the file does not say it")
      ->check(not_empty())
      ->type_name("NAME");
  add_count(kind, "--nics-per-node", kind.arguments->nccl_tests.nics_per_node,
            "NICs of each node, where ranks are on several");
  return command_of(kind, [](const ImportArguments& arguments) {
    return import_nccl_tests(arguments.path, arguments.nccl_tests);
  });
}

Command add_topology(CLI::App& parent) {
  const Kind kind = add_kind(parent, "nvidia-smi-topo", "What nvidia-smi topo -m printed",
                             "The matrix of nvidia-smi topo, as a cluster without its GPU");
  kind.app
      ->add_option("--gpu", kind.arguments->topology.gpu,
                   "The GPU, such as h100, whose links the matrix only counts")
      ->check(not_empty())
      ->type_name("NAME");
  kind.app->add_option("--nodes", kind.arguments->topology.nodes, "Nodes that are alike; default: 1")
      ->check(whole_number() & CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
      ->type_name("N");
  kind.app
      ->add_option("--nic-bandwidth", kind.arguments->nic_bandwidth,
                   "Of one NIC in one direction, such as \"400 Gb/s\"")
      ->check(not_empty())
      ->type_name("BANDWIDTH");
  return command_of(kind, [](const ImportArguments& arguments) {
    TopologyOptions options = arguments.topology;
    if (!arguments.nic_bandwidth.empty())
      options.nic_bandwidth = parse_bandwidth(arguments.nic_bandwidth, "--nic-bandwidth");
    return import_topology(arguments.path, options);
  });
}

}  // namespace

std::vector<Command> add_import(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("import", "Read what other tools write, as a section of a config");
  app->require_subcommand(1);
  return {add_huggingface(*app), add_megatron(*app), add_deepspeed(*app), add_nccl_tests(*app),
          add_topology(*app)};
}

}  // namespace ppsim::cli
