// Specs of tables of measured runs: what each kind of rule makes of a row, and what is wrong with a bad one.
#include "input/table/validation_spec.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "input/scratch.hpp"

namespace ppsim::validation_spec_test {
namespace {

using nlohmann::ordered_json;
using test::error_of;
using test::Scratch;

// The least that a spec may be: costs given outright, and one column with what was measured.
ordered_json small_spec() {
  return ordered_json::parse(R"({
    "config": {
      "costs": {"forward": "10 us", "backward": "20 us", "transfer": "0 B", "activation": "7 B",
                "link": {"bandwidth": "1 GB/s", "latency": "0 ns"}},
      "parallelism": {"pipeline": 2, "micro_batches": 2},
      "schedule": {"name": "1f1b"}
    },
    "columns": {},
    "measured": {"column": "t", "unit": "ms"}
  })");
}

class SpecFolder {
 public:
  [[nodiscard]] ValidationSpec read(const ordered_json& spec) const {
    return read_validation_spec(scratch_.put("s.json", spec.dump()));
  }

  [[nodiscard]] std::string error(const ordered_json& spec) const {
    return without_folder(error_of([&] { return read(spec); }));
  }

  // Of a row of `table` by a spec with these rules.
  [[nodiscard]] RowDescription describe(const ordered_json& columns, const std::string& table,
                                        std::size_t row = 0) const {
    ordered_json spec = small_spec();
    spec["columns"] = columns;
    return describe_row(read(spec), parse_csv_table(table, "t.csv"), row);
  }

  [[nodiscard]] std::string without_folder(std::string text) const {
    const std::string folder = scratch_.path("");
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
      text.erase(at, folder.size());
    return text;
  }

  [[nodiscard]] const Scratch& scratch() const { return scratch_; }

 private:
  Scratch scratch_;
};

// "pointer=value" of each override, in order.
std::vector<std::string> sets(const RowDescription& row) {
  std::vector<std::string> texts;
  for (const Override& set : row.overrides) texts.push_back(set.pointer + "=" + set.value);
  return texts;
}

using Texts = std::vector<std::string>;

TEST_CASE("a rule that is a pointer puts the cell there, and an empty cell leaves what the config has") {
  const SpecFolder folder;
  const ordered_json rules = {{"pp", "/parallelism/pipeline"}};
  const RowDescription row = folder.describe(rules, "pp,t\n4,1\n");
  CHECK(sets(row) == Texts{"/parallelism/pipeline=4"});
  CHECK(row.skip.empty());
  CHECK(row.overrides[0].origin == "t.csv, line 2, column \"pp\"");
  CHECK(sets(folder.describe(rules, "pp,t\n,1\n")).empty());
}

TEST_CASE("a unit of a rule stands behind the cell") {
  const SpecFolder folder;
  CHECK(sets(folder.describe({{"f", {{"to", "/costs/forward"}, {"unit", "us"}}}}, "f,t\n2.5,1\n")) ==
        Texts{"/costs/forward=2.5 us"});
}

TEST_CASE("values say what a cell means: another value, places of the config, or that it says nothing") {
  const SpecFolder folder;
  const ordered_json rules = {
      {"kind",
       {{"to", "/schedule/name"},
        {"values",
         {{"one", "1f1b"},
          {"two", {{"/schedule", {{"name", "interleaved"}}}, {"/parallelism/virtual_stages", 2}}},
          {"gpipe", ordered_json::object()}}}}}};
  CHECK(sets(folder.describe(rules, "kind,t\none,1\n")) == Texts{"/schedule/name=1f1b"});
  CHECK(sets(folder.describe(rules, "kind,t\ntwo,1\n")) ==
        Texts{"/schedule={\"name\":\"interleaved\"}", "/parallelism/virtual_stages=2"});
  CHECK(sets(folder.describe(rules, "kind,t\ngpipe,1\n")) == Texts{"/schedule/name=gpipe"});
}

TEST_CASE("a cell that values do not name is a reason to skip the row, unless \"*\" stands for any other") {
  const SpecFolder folder;
  ordered_json rules = {{"kind", {{"values", {{"known", ordered_json::object()}}}}}};
  CHECK(folder.without_folder(folder.describe(rules, "kind,t\nnew,1\n").skip) ==
        "kind is \"new\", of which s.json#/columns/kind says nothing");
  CHECK(folder.describe(rules, "kind,t\nknown,1\n").skip.empty());
  rules["kind"]["values"]["*"] = {{"/simulation/seed", 3}};
  CHECK(sets(folder.describe(rules, "kind,t\nnew,1\n")) == Texts{"/simulation/seed=3"});
  CHECK(sets(folder.describe(rules, "kind,t\nknown,1\n")).empty());
}

TEST_CASE("a cell may be a reason to skip its row; of several reasons the first is told") {
  const SpecFolder folder;
  const ordered_json rules = {
      {"a", {{"values", {{"1", {{"skip", "a is odd"}}}, {"2", ordered_json::object()}}}}},
      {"b", {{"values", {{"1", {{"skip", "b is odd"}}}, {"2", ordered_json::object()}}}}}};
  CHECK(folder.describe(rules, "a,b,t\n1,1,1\n").skip == "a is odd");
  CHECK(folder.describe(rules, "a,b,t\n2,1,1\n").skip == "b is odd");
  CHECK(folder.describe(rules, "a,b,t\n2,2,1\n").skip.empty());
}

TEST_CASE("a preset is found by its name, whatever its case, blanks and dashes") {
  const SpecFolder folder;
  (void)folder.scratch().put("models/llama3_1_405b.json", "{}");
  (void)folder.scratch().put("models/notes.txt", "");
  const ordered_json rules = {{"model", {{"to", "/model"}, {"presets", "models"}}}};
  for (const char* name : {"llama3_1_405b", "LLAMA3.1-405B", "Llama 3.1 405B"}) {
    CAPTURE(name);
    const RowDescription row = folder.describe(rules, std::string("model,t\n") + name + ",1\n");
    CHECK(sets(row) == Texts{"/model=models/llama3_1_405b.json"});
    CHECK(row.skip.empty());
  }
  CHECK(folder.describe(rules, "model,t\nGPT-9,1\n").skip == "no preset for model \"GPT-9\"");
}

TEST_CASE("what values say of a preset's name is put into it, behind its path") {
  const SpecFolder folder;
  (void)folder.scratch().put("models/gpt.json", "{}");
  const ordered_json rules = {{"model",
                               {{"to", "/model"},
                                {"presets", "models"},
                                {"values", {{"GPT", {{"/model/transformer/dtype", "fp16"}}}}}}}};
  CHECK(sets(folder.describe(rules, "model,t\nGPT,1\n")) ==
        Texts{"/model=models/gpt.json", "/model/transformer/dtype=\"fp16\""});
  CHECK(sets(folder.describe(rules, "model,t\ngpt,1\n")) == Texts{"/model=models/gpt.json"});
}

TEST_CASE("what stands in brackets behind a preset's name is one of the rule's options") {
  const SpecFolder folder;
  (void)folder.scratch().put("models/deepseek_v3.json", "{}");
  const ordered_json rules = {
      {"model",
       {{"to", "/model"},
        {"presets", "models"},
        {"options", {{"w/o MTP", ordered_json::object()}, {"short", {{"/model/transformer/layers", 4}}}}}}}};
  const auto describe = [&](const std::string& cell) {
    return folder.describe(rules, "model,t\n" + cell + ",1\n");
  };
  CHECK(sets(describe("DeepSeek-V3 (w/o MTP)")) == Texts{"/model=models/deepseek_v3.json"});
  CHECK(sets(describe("DeepSeek-V3 (short)")) ==
        Texts{"/model=models/deepseek_v3.json", "/model/transformer/layers=4"});
  CHECK(describe("DeepSeek-V3 (sparse)").skip == "model has an option \"sparse\" that cannot be described");
}

TEST_CASE("a computed value is whole nanoseconds or bytes where it has their unit") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["computed"] = {{"/parallelism/micro_batches", "[batch] / [dp]"},
                      {"/costs/forward", {{"value", "[batch] / 3"}, {"unit", "us"}}},
                      {"/costs/activation", {{"value", "[batch] / 3"}, {"unit", "B"}}}};
  const ValidationSpec read = folder.read(spec);
  const CsvTable table = parse_csv_table("batch,dp,t\n64,4,1\n,4,1\n64,0,1\nmany,1,1\n", "t.csv");
  // 64 / 3 = 21.333...
  CHECK(sets(describe_row(read, table, 0)) ==
        Texts{"/parallelism/micro_batches=16", "/costs/forward=21.333 us", "/costs/activation=21 B"});
  CHECK(describe_row(read, table, 1).skip == "batch is not stated");
  CHECK(describe_row(read, table, 2).skip == "/parallelism/micro_batches is not a number");
  CHECK(error_of([&] { return describe_row(read, table, 3); }) ==
        "t.csv, line 5: \"many\" in column \"batch\"; expected a number");
}

TEST_CASE("an optional value is left as it is where a row does not state it") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["computed"] = {{"/parallelism/micro_batches", {{"value", "[batch] / 2"}, {"optional", true}}}};
  const ValidationSpec read = folder.read(spec);
  const CsvTable table = parse_csv_table("batch,t\n64,1\n,1\n", "t.csv");
  CHECK(sets(describe_row(read, table, 0)) == Texts{"/parallelism/micro_batches=32"});
  CHECK(sets(describe_row(read, table, 1)).empty());
  CHECK(describe_row(read, table, 1).skip.empty());
}

TEST_CASE("a status says which rows were measured and which were out of memory; others are skipped") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["status"] = {{"column", "how"}, {"measured", {"ok", "done"}}, {"out_of_memory", {"oom"}}};
  const ValidationSpec read = folder.read(spec);
  const CsvTable table = parse_csv_table("how,t\nok,1\ndone,1\noom,\ncrashed,\n", "t.csv");
  for (std::size_t row = 0; row < 4; ++row) {
    CAPTURE(row);
    const RowDescription description = describe_row(read, table, row);
    CHECK(description.out_of_memory == (row == 2));
    CHECK(description.skip == (row == 3 ? "how is \"crashed\"" : ""));
  }
}

TEST_CASE("units of what is measured: times in seconds, rates of all GPUs or of each") {
  const SpecFolder folder;
  const auto read = [&](const char* unit) {
    ordered_json spec = small_spec();
    spec["measured"] = {{"column", "t"}, {"unit", unit}};
    const ValidationSpec parsed = folder.read(spec);
    REQUIRE(parsed.measured.size() == 1);
    return parsed.measured[0];
  };
  CHECK(read("s").factor == 1);
  CHECK(read("ms").factor == 1e-3);
  CHECK(read("us").factor == 1e-6);
  CHECK(read("ns").factor == 1e-9);
  CHECK(read("ms").unit == MeasuredUnit::Time);
  CHECK(read("tokens/s").unit == MeasuredUnit::TokensPerSecond);
  CHECK_FALSE(read("tokens/s").per_gpu);
  CHECK(read("tokens/s/GPU").per_gpu);
  CHECK(read("samples/s").unit == MeasuredUnit::SamplesPerSecond);
  CHECK(read("samples/s/GPU").per_gpu);
  CHECK(read("TFLOP/s/GPU").unit == MeasuredUnit::ModelFlops);
  CHECK(read("TFLOP/s/GPU").factor == 1e12);
}

TEST_CASE("several measured columns and figures of memory are lists, of which ranks and in which unit") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["measured"] = {{{"column", "t"}, {"unit", "ms"}}, {{"column", "r"}, {"unit", "tokens/s"}}};
  spec["memory"] = {{{"column", "all"}, {"unit", "GiB"}},
                    {{"column", "last"}, {"unit", "MB"}, {"of", "last"}, {"part", "allocated"}}};
  const ValidationSpec read = folder.read(spec);
  CHECK(read.measured[1].column == "r");
  CHECK(read.memory[0].unit == 1024.0 * 1024 * 1024);
  CHECK(read.memory[0].of == MemoryOf::AllRanks);
  CHECK(read.memory[0].part == MemoryPart::Reserved);
  CHECK(read.memory[1].unit == 1e6);
  CHECK(read.memory[1].of == MemoryOf::LastRank);
  CHECK(read.memory[1].part == MemoryPart::Allocated);
}

TEST_CASE("the config of a row is the spec's with the row's overrides, and with what is tried behind them") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["columns"] = {{"pp", "/parallelism/pipeline"}};
  const ValidationSpec read = folder.read(spec);
  const RowDescription row = describe_row(read, parse_csv_table("pp,t\n4,1\n", "t.csv"), 0);
  CHECK(row_config(read, row).parallelism.pipeline == 4);
  const std::vector<Override> more = {{"/parallelism/pipeline", "3"}, {"/parallelism/micro_batches", "9"}};
  CHECK(row_config(read, row, more).parallelism.pipeline == 3);
  CHECK(row_config(read, row, more).parallelism.micro_batches == 9);
}

TEST_CASE("a row that is no legal config names the cell that is wrong") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["columns"] = {{"pp", "/parallelism/pipeline"}};
  const ValidationSpec read = folder.read(spec);
  const RowDescription row = describe_row(read, parse_csv_table("pp,t\nfour,1\n", "t.csv"), 0);
  CHECK(error_of([&] { return row_config(read, row); }) ==
        "t.csv, line 2, column \"pp\" /parallelism/pipeline: \"four\"; expected a whole number from 1 to "
        "65535");
}

TEST_CASE("every column that a spec names must be one of the table") {
  const SpecFolder folder;
  ordered_json full = small_spec();
  full["columns"] = {{"c1", "/parallelism/pipeline"}};
  full["computed"] = {{"/parallelism/micro_batches", "[c2]"}};
  full["measured"] = {{"column", "c3"}, {"unit", "ms"}};
  full["memory"] = {{"column", "c4"}, {"unit", "GB"}};
  full["status"] = {{"column", "c5"}, {"measured", {"ok"}}};
  full["labels"] = {"c6"};
  full["colour"] = "c7";
  full["relative_to"] = {{"reference", {{"c8", "1"}}}, {"by", {"c9"}}};
  full["makespan_where"] = {{"column", "c10"}, {"cell", "1"}};
  const ValidationSpec spec = folder.read(full);
  const CsvTable whole = parse_csv_table("c1,c2,c3,c4,c5,c6,c7,c8,c9,c10\n", "t.csv");
  CHECK(error_of([&] {
          check_columns(spec, whole);
          return 0;
        }) == "no error");
  for (std::size_t missing = 0; missing < whole.header.size(); ++missing) {
    CsvTable table = whole;
    table.header[missing] = "other";
    CHECK(error_of([&] {
            check_columns(spec, table);
            return 0;
          }).starts_with("t.csv: no column \"" + whole.header[missing] + "\"; there are "));
  }
}

TEST_CASE("parameters to fit are places of the cluster with a range, and written as quantities") {
  const SpecFolder folder;
  ordered_json spec = small_spec();
  spec["fit"] = {{"cluster", "c.json"},
                 {"parameters",
                  {{"/cluster/nvlink/latency", {{"least", 1}, {"most", 50}, {"unit", "us"}}},
                   {"/cluster/gpu/matmul_tiling/ramp", {{"least", 0}, {"most", 900}, {"whole", true}}},
                   {"/cluster/gpu/matmul_efficiency",
                    {{"least", 0.1}, {"most", 1}, {"start", 0.5}, {"logarithmic", true}}},
                   {"/cluster/infiniband/bandwidth", {{"least", 0}, {"most", 400}, {"unit", "Gb/s"}}}}}};
  const FitSpec fit = folder.read(spec).fit.value();
  CHECK(fit.cluster == "c.json");
  REQUIRE(fit.parameters.size() == 4);
  CHECK(fit.parameters[0].unit.dimension == Dimension::Time);
  CHECK(fit.parameters[2].unit.dimension == Dimension::Number);
  CHECK(fit.parameters[3].unit.dimension == Dimension::Bandwidth);
  CHECK(parameter_text(fit.parameters[0], 12.34567) == "12.346 us");  // whole nanoseconds
  CHECK(parameter_text(fit.parameters[1], 81.6) == "82");
  CHECK(parameter_text(fit.parameters[2], 0.625) == "0.625");
  CHECK(parameter_text(fit.parameters[3], 12.5) == "12.5 Gb/s");
  CHECK(fit.parameters[2].start == 0.5);
  CHECK_FALSE(fit.parameters[0].start.has_value());
  CHECK(fit.parameters[2].logarithmic);
}

TEST_CASE("a number in a cell is all of it, and an empty cell none") {
  const CsvTable table = parse_csv_table("t\n12.5\n\"\"\n12 ms\n1e999\nnan\n", "t.csv");
  CHECK(number_in(table, 0, "t") == 12.5);
  for (std::size_t row = 1; row < table.rows.size(); ++row)
    CHECK(error_of([&] { return number_in(table, row, "t"); }).starts_with("t.csv, line "));
}

// What is put into small_spec(), and the line that it is refused with.
struct BadSpec {
  const char* pointer;
  const char* value;
  std::string error;
};

std::string unknown_unit(const std::string& name) {
  return "\"" + name +
         "\" is an unknown unit; expected one of ns, us, ms, s, B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, B/s, "
         "kB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, TiB/s, b/s, kb/s, Mb/s, Gb/s, Tb/s, Kib/s, Mib/s, "
         "Gib/s, Tib/s, FLOP, GFLOP, TFLOP, PFLOP, FLOP/s, GFLOP/s, TFLOP/s, PFLOP/s";
}

TEST_CASE("a bad spec is refused with one line: file, place, what was expected") {
  const SpecFolder folder;
  const BadSpec cases[] = {
      {"/config", "7", "s.json#/config: 7; expected an object"},
      {"/columns", "[]", "s.json#/columns: []; expected an object"},
      {"/columns/pp", "\"parallelism\"",
       "s.json#/columns/pp: \"parallelism\"; expected a place of the config, such as /parallelism/tensor"},
      {"/columns/pp", "3", "s.json#/columns/pp: 3; expected an object"},
      {"/columns/pp", "{}",
       "s.json#/columns/pp: expected \"to\", a place of the config, or \"values\", what cells mean"},
      {"/columns/pp", R"({"too": "/x"})", "s.json#/columns/pp/too: unknown key; did you mean \"to\"?"},
      {"/columns/pp", R"({"values": {"1": {"tensor": 2}}})",
       "s.json#/columns/pp/values/1: \"tensor\"; expected \"skip\" with a reason, or places of the config "
       "such as "
       "\"/parallelism/tensor\""},
      {"/computed", R"({"micro_batches": "1"})",
       "s.json#/computed/micro_batches: \"micro_batches\"; expected a place of the config, such as "
       "/parallelism/tensor"},
      {"/computed", R"({"/a": "1 +"})",
       "s.json#/computed/~1a: \"1 +\" at \"\": expected numbers, columns in [brackets], + - * /, "
       "parentheses, "
       "ceil(), floor(), min(a, b), max(a, b)"},
      {"/computed", R"({"/a": {"unit": "us"}})", "s.json#/computed/~1a: missing key \"value\""},
      {"/computed", R"({"/a": {"value": "1", "unit": "kg"}})",
       "s.json#/computed/~1a/unit: " + unknown_unit("kg")},
      {"/measured", R"({"column": "t"})", "s.json#/measured: missing key \"unit\""},
      {"/measured", R"({"unit": "ms"})", "s.json#/measured: missing key \"column\""},
      {"/measured", R"([{"column": "t", "unit": "h"}])",
       "s.json#/measured/0/unit: \"h\"; expected \"ms\" or \"s\" or \"us\" or \"ns\" or \"tokens/s\" or "
       "\"tokens/s/GPU\" or \"samples/s\" or \"samples/s/GPU\" or \"TFLOP/s/GPU\""},
      {"/memory", R"({"column": "m", "unit": "Gb"})",
       "s.json#/memory/unit: \"Gb\"; expected \"B\" or \"MB\" or \"GB\" or \"MiB\" or \"GiB\""},
      {"/memory", R"({"column": "m", "unit": "GB", "of": "second"})",
       "s.json#/memory/of: \"second\"; expected \"all\" or \"first\" or \"last\""},
      {"/memory", R"({"column": "m", "unit": "GB", "part": "all"})",
       "s.json#/memory/part: \"all\"; expected \"reserved\" or \"allocated\" or \"activations\" or "
       "\"static\""},
      {"/status", R"({"measured": ["ok"]})", "s.json#/status: missing key \"column\""},
      {"/status", R"({"column": "s", "measured": "ok"})",
       "s.json#/status/measured: \"ok\"; expected a list of texts"},
      {"/step", "\"span\"", "s.json#/step: \"span\"; expected \"makespan\" or \"rank_span\""},
      {"/labels", "\"pp\"", "s.json#/labels: \"pp\"; expected a list of texts"},
      {"/relative_to", R"({"reference": {}, "by": []})",
       "s.json#/relative_to/reference: expected a column and its cell"},
      {"/fit", R"({"parameters": {}})", "s.json#/fit/parameters: expected at least one"},
      {"/fit", R"({"parameters": {"/model/x": {"least": 0, "most": 1}}})",
       "s.json#/fit/parameters/~1model~1x: expected a place of the cluster, such as /cluster/nvlink/latency"},
      {"/fit", R"({"parameters": {"/cluster/x": {"least": 2, "most": 1}}})",
       "s.json#/fit/parameters/~1cluster~1x/most: 1; expected more than \"least\""},
      {"/fit", R"({"parameters": {"/cluster/x": {"least": 0, "most": 1, "logarithmic": true}}})",
       "s.json#/fit/parameters/~1cluster~1x/least: expected more than 0 on a logarithmic scale"},
      {"/fit", R"({"parameters": {"/cluster/x": {"least": "0", "most": 1}}})",
       "s.json#/fit/parameters/~1cluster~1x/least: \"0\"; expected a number"},
      {"/fit", R"({"parameters": {"/cluster/x": {"least": 0, "most": 1, "unit": "GB/h"}}})",
       "s.json#/fit/parameters/~1cluster~1x/unit: " + unknown_unit("GB/h")},
      {"/colums", "{}", "s.json#/colums: unknown key; did you mean \"columns\"?"},
  };
  for (const BadSpec& bad : cases) {
    CAPTURE(bad.pointer);
    CAPTURE(bad.value);
    ordered_json spec = small_spec();
    spec[ordered_json::json_pointer(bad.pointer)] = ordered_json::parse(bad.value);
    CHECK(folder.error(spec) == bad.error);
  }
}

TEST_CASE("a spec without a config, without columns or without anything measured is refused") {
  const SpecFolder folder;
  const auto without = [&](const char* key) {
    ordered_json spec = small_spec();
    spec.erase(key);
    return folder.error(spec);
  };
  CHECK(without("config") == "s.json: missing key \"config\"");
  CHECK(without("columns") == "s.json: missing key \"columns\"");
  CHECK(without("measured") ==
        "s.json: expected \"measured\" or \"memory\", the columns with what was measured");
}

TEST_CASE("every spec that comes with ppsim is read") {
  std::size_t specs = 0;
  for (const auto& entry : std::filesystem::directory_iterator("configs/validation")) {
    // Results that scripts/validation writes lie beside them.
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".json" || name == "fits.json" || name == "report.json") continue;
    CAPTURE(entry.path().string());
    CHECK(error_of([&] { return read_validation_spec(entry.path().string()); }) == "no error");
    ++specs;
  }
  CHECK(specs >= 12);
}

}  // namespace
}  // namespace ppsim::validation_spec_test
