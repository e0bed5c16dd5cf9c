// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// The registry of contention models: how a link serves several transfers at one time. A model registers
/// itself from its own file in src/engine/contention/, with all that the engine, the config, the command line
/// and the reports need to know of the model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

class LinkModel;  // in src/engine

/// When a model knows how long a transfer takes. The answer decides which engine runs a graph.
enum class TimesKnown : std::uint8_t {
  BeforeRun,    ///< The time depends on the graph alone: one topological pass runs the graph.
  WhenReady,    ///< The time depends on the transfers that became ready earlier: the ends of ops are events.
  WhileMoving,  ///< A later transfer may delay one that is under way: the ends of transfers are events too.
};

struct ContentionInfo {
  std::string name;       ///< The value of /simulation/contention.
  std::string help;       ///< One line: what a link does with several transfers.
  LinkSharing sharing{};  ///< What a graph must hold for the model, without a replica.
  TimesKnown times_known = TimesKnown::BeforeRun;
  /// Makes the links of a graph, which must outlive them. They have served nothing yet.
  std::function<std::unique_ptr<LinkModel>(const OpGraph&)> make{};
};

/// Registers during static initialisation: `const ContentionRegistration registration{ContentionInfo{...}};`
/// at namespace scope of the model's file. A second registration of a name throws std::logic_error.
struct ContentionRegistration {
  explicit ContentionRegistration(ContentionInfo info);
};

/// A registered contention model as a value: cheap to copy, and equal to another of the same name.
class Contention {
 public:
  /// "none": each transfer has its links for itself.
  Contention();

  /// Throws Error (where: `where`) that lists the known names where no model has that name.
  explicit Contention(std::string_view name, std::string_view where = "/simulation/contention");

  [[nodiscard]] const ContentionInfo& info() const { return *info_; }
  [[nodiscard]] const std::string& name() const { return info_->name; }

  friend bool operator==(Contention, Contention) = default;

 private:
  friend ContentionRegistration;
  explicit Contention(const ContentionInfo& info) : info_(&info) {}

  const ContentionInfo* info_;  // lives as long as the program
};

/// All models, from the quickest to run to the slowest; the order does not depend on the linker.
[[nodiscard]] std::span<const Contention> all_contentions();

/// The names of all models, in the same order.
[[nodiscard]] std::vector<std::string_view> contention_names();

/// What each model does, for help and schemas: "none: every transfer has its links for itself; fifo: ...".
[[nodiscard]] std::string contention_help();

}  // namespace ppsim
