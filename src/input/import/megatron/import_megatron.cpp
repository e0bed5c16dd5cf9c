// Arguments of Megatron-LM as a config without a cluster.
#include <fmt/format.h>

#include <algorithm>

#include "input/import/imported_section.hpp"
#include "input/import/megatron/megatron_sections.hpp"
#include "text/files.hpp"

namespace ppsim {
namespace {

struct Gpus {
  std::uint64_t count = 1;
  std::string where;
};

constexpr CountRange kGpuCount{1, 100'000'000};

// The value of a launcher's option, "--nproc_per_node 8", "--nproc-per-node=8".
const ShellWord* launcher_value(const LaunchedScript& script, std::string_view name, ShellWord& joined) {
  for (std::size_t i = 0; i < script.launcher.size(); ++i) {
    const ShellWord& word = script.launcher[i];
    std::string option = word.text.substr(0, word.text.find('='));
    std::replace(option.begin(), option.end(), '-', '_');
    if (option != name) continue;
    if (option.size() == word.text.size())
      return i + 1 < script.launcher.size() ? &script.launcher[i + 1] : nullptr;
    joined = {word.text.substr(option.size() + 1), word.line, word.unresolved};
    return &joined;
  }
  return nullptr;
}

// Processes that torchrun starts: one a GPU.
std::optional<Gpus> launched_gpus(const LaunchedScript& script, const std::string& path) {
  ShellWord joined;
  Gpus gpus;
  bool given = false;
  for (const std::string_view name : {"__nproc_per_node", "__nnodes"}) {
    const ShellWord* value = launcher_value(script, name, joined);
    if (value == nullptr) continue;
    given = true;
    const std::string where = fmt::format("{}, line {}", path, value->line);
    gpus.count *=
        read_word_count(*value, name == "__nnodes" ? "--nnodes" : "--nproc_per_node", where, {1, 1'000'000});
    gpus.where = where;
  }
  if (!given) return std::nullopt;
  return gpus;
}

Gpus find_gpus(const MegatronArguments& arguments, const LaunchedScript& script, const std::string& path,
               const MegatronOptions& options) {
  if (options.gpus) return {*options.gpus, "--gpus"};
  if (arguments.has("--world-size"))
    return {arguments.needed_count("--world-size", kGpuCount), arguments.where("--world-size")};
  if (const auto launched = launched_gpus(script, path)) return *launched;
  throw Error(path,
              "does not say how many GPUs there are; expected --gpus N, or --world-size or torchrun's "
              "--nproc_per_node and --nnodes in the file");
}

// Other scripts train other models.
void check_script(const LaunchedScript& script, const std::string& path, std::vector<std::string>& notes) {
  const std::string& text = script.script.text;
  const std::string name = text.substr(text.rfind('/') + 1);
  if (name.empty() || name == "pretrain_gpt.py") return;
  if (name.starts_with("pretrain_"))
    throw Error(fmt::format("{}, line {}", path, script.script.line),
                fmt::format("{} trains another kind of model; expected pretrain_gpt.py", name));
  notes.push_back(fmt::format("{} is taken to read its arguments as pretrain_gpt.py does", name));
}

Json schedule_section(const MegatronArguments& arguments, const MegatronShape& shape) {
  constexpr CountRange kGroup{1, 1'000'000};
  Json section = {{"name", shape.virtual_stages > 1 ? "interleaved" : "1f1b"}};
  const auto group = arguments.count("--microbatch-group-size-per-virtual-pipeline-stage", kGroup);
  if (group && shape.virtual_stages > 1) section["group"] = *group;
  return section;
}

ImportedSection read_megatron(const std::string& path, const MegatronOptions& options) {
  std::vector<std::string> notes;
  const LaunchedScript script = read_launched_script(read_file(path), path);
  check_script(script, path, notes);
  const MegatronArguments arguments(script.arguments, path, notes);
  const Gpus gpus = find_gpus(arguments, script, path, options);
  const MegatronShape shape = read_megatron_shape(arguments, gpus.count, gpus.where);
  const Json transformer = megatron_transformer(arguments, shape, notes);
  const std::string dtype = transformer["dtype"].get<std::string>();
  Json document = {
      {"description", import_source(path, "arguments of Megatron-LM")},
      {"model", {{"source", import_source(path, "arguments of Megatron-LM")}, {"transformer", transformer}}}};
  document["parallelism"] = megatron_parallelism(arguments, shape, notes);
  document["training"] = megatron_training(arguments, shape, dtype, notes);
  document["schedule"] = schedule_section(arguments, shape);
  check_sections(document, path);
  return imported_section(document, std::move(notes));
}

}  // namespace

ImportedSection import_megatron(const std::string& path, const MegatronOptions& options) {
  return with_plain_errors([&] { return read_megatron(path, options); });
}

}  // namespace ppsim
